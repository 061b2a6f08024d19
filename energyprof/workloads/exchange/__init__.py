"""What models that train side by side send each other, and to whom."""
