"""Pictures of text lines with their texts, and the error rate of a recogniser on them.

A folder has one PNG file a line, all of height 48, and `labels.txt` with lines of a file's name, a
tab and its text.
"""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinds import running
from kinds.recogniser import character_error_rate, decode

HEIGHT = 48
LABELS = "labels.txt"
SYSTEM_FONTS = (
    "dejavu/DejaVuSans.ttf",
    "dejavu/DejaVuSerif.ttf",
    "dejavu/DejaVuSans-Bold.ttf",
    "liberation/LiberationSans-Regular.ttf",
    "liberation/LiberationSerif-Regular.ttf",
)
WORDS = (
    "street market garden window bridge station water paper number summer winter morning coffee"
    " bread apple orange silver yellow kitchen letter office people river mountain forest doctor"
    " school teacher captain village journey weather animal picture machine engine travel ticket"
    " parking exit open closed private public north south first second total price weight length"
)


def make_texts(n, seed):
    """Return n lines of words, codes, dates and prices."""
    rng = np.random.default_rng(seed)
    return [_text(rng) for _ in range(n)]


def render(text, rng, font_path=None):
    """Return the picture of a line, dark on light with a little noise, 48 pixels high."""
    font = ImageFont.truetype(str(font_path or fonts()[0]), int(rng.integers(26, 33)))
    width = int(font.getlength(text)) + int(rng.integers(4, 9))
    paper, ink = rng.integers(190, 256, 3), rng.integers(0, 90, 3)
    canvas = Image.new("RGB", (width, HEIGHT), tuple(map(int, paper)))
    middle = (width / 2, HEIGHT / 2 + rng.uniform(-2, 2))
    ImageDraw.Draw(canvas).text(middle, text, fill=tuple(map(int, ink)), font=font, anchor="mm")
    noisy = np.asarray(canvas) + rng.normal(0, 6, (HEIGHT, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def write_folder(folder, n=200, seed=0):
    """Write n pictures and their labels into a new or empty folder; return the texts."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng((seed, 1))
    texts = make_texts(n, seed)
    paths = fonts()
    labels = []
    for index, text in enumerate(texts):
        name = f"line{index:04d}.png"
        render(text, rng, paths[rng.integers(len(paths))]).save(folder / name)
        labels.append(f"{name}\t{text}\n")
    (folder / LABELS).write_text("".join(labels), encoding="utf-8")
    return texts


def read_labels(folder):
    """Return a dict from the name of each picture to its text."""
    lines = (Path(folder) / LABELS).read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def fonts():
    """Return the paths of the fonts to draw with; one comes with matplotlib."""
    found = [Path("/usr/share/fonts/truetype") / name for name in SYSTEM_FONTS]
    carried = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return [path for path in found if path.is_file()] or [carried]


def reference_texts(model_path, folder):
    """Return what a recogniser reads on each picture of a folder, one at a time.

    Pixels enter as PaddleOCR's do: blue first, and (pixel / 255 - 0.5) / 0.5. The classes are the
    blank, the characters of the metadata entry `character`, and the space.
    """
    runner = running.session(model_path)
    name = runner.get_inputs()[0].name
    characters = runner.get_modelmeta().custom_metadata_map["character"].split("\n")
    texts = []
    for file in read_labels(folder):
        with Image.open(Path(folder) / file) as image:
            pixels = np.asarray(image.convert("RGB"), np.float32)[:, :, ::-1]
        x = (pixels.transpose(2, 0, 1)[None] / 255 - 0.5) / 0.5
        probabilities = runner.run(None, {name: np.ascontiguousarray(x)})[0]
        texts += decode(probabilities, [*characters, " "])
    return texts


def reference_cer(model_path, folder):
    """Return the character error rate of a recogniser on a folder of text lines."""
    return character_error_rate(reference_texts(model_path, folder), read_labels(folder).values())


def _text(rng):
    kind = rng.integers(4)
    if kind == 0:
        return f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.{rng.integers(1950, 2030)}"
    if kind == 1:
        letters = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXYZ"), 3))
        return f"{letters}-{rng.integers(1000, 10000)}"
    words = list(rng.choice(WORDS.split(), rng.integers(1, 4)))
    if kind == 2:
        return " ".join(words).capitalize()
    return f"{words[0].upper()} {rng.integers(1, 500)}.{rng.integers(100):02d}"
