"""AMD's GPUs: the energy counter of AMD's library, the kernel's power, the conditions they work in."""
