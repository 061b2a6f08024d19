"""scikit-learn in batches: energyprof run examples/sklearn_training.py --target 'accuracy>=0.92'."""

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import energyprof

data, labels = load_digits(return_X_y=True)  # comes with scikit-learn
train_x, test_x, train_y, test_y = train_test_split(
    data / 16, labels, test_size=0.3, random_state=energyprof.seed()
)
model = SGDClassifier(loss="log_loss", random_state=energyprof.seed())

trained, classes = 0, sorted(set(labels))
energyprof.mark("train")
for _ in range(40):
    for start in range(0, len(train_x), 64):
        batch = slice(start, start + 64)
        model.partial_fit(train_x[batch], train_y[batch], classes=classes)
        trained += len(train_x[batch])
        energyprof.progress(trained)
    energyprof.mark("eval")
    accuracy = model.score(test_x, test_y)
    energyprof.progress(trained, score=accuracy)
    if energyprof.reached(accuracy):
        break
    energyprof.mark("train")
print(f"accuracy {accuracy:.3f} after {trained} samples")
