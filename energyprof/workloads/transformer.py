"""A transformer is fine-tuned to classify text: packaged tweets by sentiment, or your own labelled text.

``tiny`` starts from packaged weights (``minilm.py``), ``base`` and ``full`` are BERT in its two sizes with
random weights, whose steps cost what those of any others cost. Every size takes ``--model``, ``--data`` and
``--lora``. All that is decided here stands in the plan's config; the program is ``text_classification.py``.
"""

from typing import Any, Dict

from energyprof.settings import Settings
from energyprof.workload import Plan, WorkloadError
from energyprof.workloads import classifier, minilm, planning, text_classification
from energyprof.workloads.data import labelled_text, tweets

SUMMARY = "Transformer fine-tuned to classify text: the sentiment of tweets, or your own labelled text"
SIZES: Dict[str, str] = {
    "tiny": "MiniLM-L6, 22 M parameters, pretrained: about a minute on two CPU cores",
    "base": "BERT-base, 110 M parameters, random weights unless --model: for one GPU; its target is "
    "provisional (no reference bank)",
    "full": "BERT-large, 335 M parameters, random weights unless --model: for several GPUs; its target is "
    "provisional: give --target",
}
ALL = 1_000_000  # tweets: more than there are
RECIPES: Dict[str, Dict[str, Any]] = {
    "tiny": {
        "model": minilm.NAME,
        "tokens": 24,
        "characters": [20, 90],  # short texts: little of a step goes into padding
        "pool": 3000,  # fewer examples than word counts need, enough for a pretrained encoder
        "validation_items": 1000,
        "batch_size": 32,
        "learning_rate": 1e-4,
        "ramp_samples": 512,
        "decay_samples": 4096,
        "averaging": 0.97,
        "eval_every_samples": 1280,
        "target": 0.855,
        "max_samples": 14080,
    },
    "base": {
        # Devlin et al., 2019, arXiv:1810.04805, and the published bert-base-uncased
        "model": {
            "vocab_size": 30522,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "max_position_embeddings": 512,
        },
        "tokens": 64,
        "characters": [0, 140],
        "pool": ALL,
        "validation_items": 2000,
        "batch_size": 64,
        "learning_rate": 5e-5,
        "ramp_samples": 8192,
        "decay_samples": 65536,
        "averaging": 0.99,
        "eval_every_samples": 8192,
        "target": 0.65,
        "max_samples": 1_048_576,
    },
    "full": {
        "model": {
            "vocab_size": 30522,
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
            "max_position_embeddings": 512,
        },
        "tokens": 64,
        "characters": [0, 140],
        "pool": ALL,
        "validation_items": 2000,
        "batch_size": 128,
        "learning_rate": 2e-5,
        "ramp_samples": 32768,
        "decay_samples": 131072,
        "averaging": 0.99,
        "eval_every_samples": 16384,
        "target": 0.65,
        "max_samples": 4_194_304,
    },
}
WORK: Dict[str, Any] = {  # the same for every size
    "loss": "cross entropy",
    "optimiser": "AdamW",
    "clip": 1.0,  # largest norm of the gradient
}
TASK = ("data", "data_sha256", "characters", "pool", "validation_items")
TWEETS = ("characters", "pool")  # what only the packaged tweets need
OWN_TOKENS = {"tiny": 128, "base": 256, "full": 512}  # the user's texts may be longer
LORA_RATE = 10.0  # times the learning rate: adapters start from nothing and are few


def plan(settings: Settings) -> Plan:
    """The training that ``settings`` ask for; of the user's model and data it takes fingerprints.

    Raises:
        WorkloadError: a setting is out of its range, or model or data are not there.
    """
    recipe = {**WORK, **planning.recipe_of("transformer", settings, RECIPES)}
    if recipe["target"] >= 1:
        raise WorkloadError(f"target {recipe['target']} is not an accuracy: use a number between 0 and 1")
    recipe["lora"] = settings.lora
    if settings.lora is not None:
        recipe["learning_rate"] *= LORA_RATE if settings.learning_rate is None else 1.0
    if settings.model is not None:
        recipe["model"] = classifier.described(settings.model)
    else:
        used = minilm.SHA256 if recipe["model"] == minilm.NAME else ("tokenizer.json",)
        recipe["model_sha256"] = {name: minilm.SHA256[name] for name in used}
    if settings.data is None:
        recipe.update(data=tweets.NAME, data_sha256=tweets.SHA256)
    else:
        recipe = {key: value for key, value in recipe.items() if key not in TWEETS}
        recipe.update(data=labelled_text.described(settings.data), tokens=OWN_TOKENS[settings.size])
    return planning.plan_of(
        "transformer",
        settings,
        recipe,
        ("accuracy", "max"),
        text_classification.SOURCES,
        TASK,
        sample_keys=("tokens",),
    )


def build(plan: Plan) -> text_classification.TextClassification:
    """The training program of ``plan``."""
    return text_classification.TextClassification(plan)
