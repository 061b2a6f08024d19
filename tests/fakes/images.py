"""A folder of captioned images as a user keeps them: JPEG and PNG, colour and grey, wide and tall."""

from __future__ import annotations

import json
from pathlib import Path

SIZES = ((40, 60), (64, 32), (33, 33), (50, 41))


def write(folder: Path, n: int = 24) -> Path:
    """``n`` images with a bright disc each, and a metadata.jsonl that says where it is; the folder."""
    from PIL import Image, ImageDraw

    folder.mkdir(parents=True)
    lines = []
    for number in range(n):
        width, height = SIZES[number % len(SIZES)]
        mode, suffix = ("RGB", "L")[number % 2], ("jpg", "png")[number // 2 % 2]
        image = Image.new(mode, (width, height), 30)
        left = number * width // (2 * n)
        ImageDraw.Draw(image).ellipse((left, 5, left + width // 2, 25), fill=220)
        name = f"{number}.{suffix}"
        image.save(folder / name)
        lines.append(json.dumps({"file_name": name, "text": f"a disc at {left}"}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder
