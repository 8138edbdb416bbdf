"""How the picture book draws: one function per thing, place and extra, in plain PIL polygons.

    picture = draw_scene(scene, COLOURS[scene.colour])        # PIL.Image, 224x224, RGB

Every shape lives in its own square from -1 to 1, x to the right and y down; a `Pen` puts it on the page. Only the main
thing wears the scene's colour, in full strength; places are pale and extras small, so that colour and thing are easy
to tell. Details of the main thing are cream, ink or a darker shade of its colour, never a second colour.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import cos, pi, sin
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from .picture_book import Scene

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]

SIZE = 224
PAGE = 2 * SIZE  # drawn at twice the size, then reduced: soft edges
CREAM, INK, STEM, LEAF, WOOD = (255, 248, 230), (58, 54, 62), (112, 138, 104), (146, 176, 140), (150, 126, 108)
CIRCLE = tuple((cos(2 * pi * i / 40), sin(2 * pi * i / 40)) for i in range(40))
CENTRES = {"left": 0.29, "middle": 0.5, "right": 0.71}  # of the main thing, as shares of the page's width
CORNERS = {"left": (0.67, 0.88), "middle": (0.12, 0.88), "right": (0.12, 0.33)}  # for extras, out of its way


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour on the way from `first` to `second`, `share` (0 to 1) of the distance."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float, steps: int = 16) -> list:
    """Points on an oval's rim from `start` to `end`, in turns clockwise from the right."""
    turns = (2 * pi * (start + (end - start) * i / steps) for i in range(steps + 1))
    return [(x + rx * cos(t), y + ry * sin(t)) for t in turns]


class Pen:
    """Draws in the square from -1 to 1 around (x, y) of the page: `scale` pixels a unit, turned by `tilt` radians."""

    def __init__(self, paper: ImageDraw.ImageDraw, x: float, y: float, scale: float, colour: Colour = INK,
                 line: float = 4, tilt: float = 0, flip: bool = False):  # fmt: skip
        self.paper, self.x, self.y, self.line = paper, x, y, line
        self.colour, self.shade = colour, mix(colour, (20, 10, 30), 0.15)
        self.across = (scale * cos(tilt) * (-1 if flip else 1), scale * sin(tilt) * (-1 if flip else 1))
        self.down = (-scale * sin(tilt), scale * cos(tilt))
        self.scale = scale

    def place(self, points: Points) -> list[tuple[float, float]]:
        (ax, ay), (dx, dy) = self.across, self.down
        return [(self.x + px * ax + py * dx, self.y + px * ay + py * dy) for px, py in points]

    def shape(self, points: Points, fill: Colour | None = None, line: float | None = None) -> None:
        """A filled shape with a dark rim; without `fill`, in the main thing's colour. `line` 0: no rim."""
        placed = self.place(points)
        width = self.line if line is None else line
        self.paper.polygon(placed, fill=fill or self.colour)
        if width:
            # ink around every colour alike, so that a shape has one look; where points are close, joints do not show
            rim = mix(fill, INK, 0.5) if fill else INK
            joint = "curve" if len(points) < 16 else None
            self.paper.line([*placed, *placed[:2]], fill=rim, width=round(width), joint=joint)

    def oval(self, x: float, y: float, rx: float, ry: float = 0, fill: Colour | None = None, line: float | None = None,
             turn: float = 0) -> None:  # fmt: skip
        ry, c, s = ry or rx, cos(turn), sin(turn)
        self.shape([(x + rx * p * c - ry * q * s, y + rx * p * s + ry * q * c) for p, q in CIRCLE], fill, line)

    def stroke(self, points: Points, width: float, fill: Colour = INK) -> None:
        """A round-jointed line, `width` in units of the square."""
        self.paper.line(self.place(points), fill=fill, width=max(2, round(width * self.scale)), joint="curve")

    def face(self, x: float, y: float, apart: float) -> None:
        """Two eyes and a smile."""
        for side in (-1, 1):
            self.oval(x + side * apart, y, apart * 0.5, fill=CREAM, line=0)
            self.oval(x + side * apart, y, apart * 0.28, fill=INK, line=0)
        self.stroke(arc(x, y + apart * 0.7, apart * 0.8, apart * 0.6, 0.05, 0.45, 8), apart * 0.22, CREAM)


# ---- the main things


def ball(pen: Pen) -> None:
    pen.oval(0, 0, 1)
    for x in (-0.5, 0.5):  # two cream panels from pole to pole
        outer = arc(0, 0, x * 1.5, 0.94, -0.25, 0.25)
        pen.shape(outer + arc(0, 0, x * 0.6, 0.94, 0.25, -0.25), CREAM, 0)
    pen.oval(0, -0.9, 0.24, 0.1, pen.shade, 3)
    pen.oval(-0.16, -0.5, 0.07, 0.2, CREAM, 0)


def house(pen: Pen) -> None:
    pen.shape([(0.42, -0.85), (0.68, -0.85), (0.68, -0.2), (0.42, -0.2)], pen.shade)
    pen.shape([(-0.78, -0.15), (0.78, -0.15), (0.78, 1), (-0.78, 1)])
    pen.shape([(-1, -0.1), (0, -1), (1, -0.1)], pen.shade)
    pen.shape([(-0.2, 1), (-0.2, 0.4), (0.2, 0.4), (0.2, 1)], CREAM, 3)
    for x in (-0.5, 0.5):
        pen.shape([(x - 0.17, 0.15), (x + 0.17, 0.15), (x + 0.17, 0.5), (x - 0.17, 0.5)], CREAM, 3)
        pen.stroke([(x, 0.15), (x, 0.5)], 0.05, INK)
    pen.oval(0.1, 0.72, 0.05, fill=INK, line=0)


def car(pen: Pen) -> None:
    pen.shape([(-0.65, 0.1), (-0.42, -0.5), (0.3, -0.5), (0.62, 0.1)])
    pen.shape([(-0.48, 0.06), (-0.32, -0.36), (-0.06, -0.36), (-0.06, 0.06)], CREAM, 3)
    pen.shape([(0.06, 0.06), (0.06, -0.36), (0.22, -0.36), (0.46, 0.06)], CREAM, 3)
    pen.shape([(-1, 0.15), (-0.9, 0.02), (0.8, 0.02), (1, 0.2), (1, 0.64), (-1, 0.64)])
    pen.oval(0.88, 0.26, 0.1, fill=CREAM, line=2)
    for x in (-0.52, 0.54):
        pen.oval(x, 0.7, 0.3, fill=INK, line=0)
        pen.oval(x, 0.7, 0.13, fill=CREAM, line=0)


def boat(pen: Pen) -> None:
    pen.stroke([(0, -1), (0, 0.5)], 0.09)
    pen.shape([(0.08, -0.9), (0.82, 0.28), (0.08, 0.28)])
    pen.shape([(-0.08, -0.66), (-0.08, 0.28), (-0.62, 0.28)], CREAM)
    pen.shape([(-1, 0.42), (1, 0.42), (0.66, 0.96), (-0.7, 0.96)])
    pen.stroke([(-0.86, 0.6), (0.86, 0.6)], 0.09, CREAM)


def fish(pen: Pen) -> None:
    pen.shape([(-0.4, 0), (-1.05, -0.5), (-0.9, 0), (-1.05, 0.5)], pen.shade)
    pen.shape([(-0.2, -0.4), (0.05, -0.82), (0.4, -0.4)], pen.shade)
    pen.oval(0.2, 0, 0.8, 0.55)
    pen.shape([(0, 0.05), (-0.28, 0.35), (0.12, 0.32)], pen.shade, 3)
    for x in (-0.12, -0.36):
        pen.stroke(arc(x - 0.06, 0, 0.16, 0.34, -0.2, 0.2, 8), 0.05, CREAM)
    pen.oval(0.58, -0.15, 0.16, fill=CREAM, line=0)
    pen.oval(0.62, -0.15, 0.09, fill=INK, line=0)
    pen.stroke(arc(0.78, 0.12, 0.2, 0.14, 0.1, 0.42, 6), 0.06, INK if sum(pen.colour) > 200 else CREAM)


def cat(pen: Pen) -> None:
    tail = [(0.4, 0.85), (0.72, 0.86), (0.88, 0.66), (0.82, 0.4), (0.94, 0.2)]
    pen.stroke(tail, 0.27, INK)
    pen.stroke(tail, 0.2, pen.colour)
    pen.oval(0.94, 0.2, 0.1, line=0)
    pen.oval(0, 0.5, 0.56, 0.52)
    for side in (-1, 1):
        pen.shape([(side * 0.58, -0.38), (side * 0.52, -1), (side * 0.1, -0.72)])
        pen.shape([(side * 0.5, -0.5), (side * 0.46, -0.82), (side * 0.24, -0.68)], CREAM, 0)
    pen.oval(0, -0.32, 0.62, 0.5)
    for side in (-1, 1):
        pen.oval(side * 0.25, -0.36, 0.14, fill=CREAM, line=0)
        pen.oval(side * 0.25, -0.35, 0.07, 0.11, INK, 0)
        pen.oval(side * 0.24, 0.94, 0.2, 0.1, line=3)
        for y in (-0.14, -0.04):
            pen.stroke([(side * 0.3, -0.12), (side * 0.76, y - 0.04)], 0.03, CREAM)
    pen.shape([(-0.08, -0.18), (0.08, -0.18), (0, -0.08)], CREAM, 0)
    pen.oval(0, 0.52, 0.28, 0.27, CREAM, 0)


def cup(pen: Pen) -> None:
    for x in (-0.45, -0.15, 0.15):
        pen.stroke([(x, -0.55), (x + 0.08, -0.68), (x - 0.04, -0.82), (x + 0.05, -0.98)], 0.07, CREAM)
    pen.stroke(arc(0.5, 0.2, 0.4, 0.42, -0.25, 0.25), 0.26, INK)
    pen.stroke(arc(0.5, 0.2, 0.4, 0.42, -0.25, 0.25), 0.18, pen.colour)
    pen.shape([(-0.85, -0.4), (0.55, -0.4), (0.46, 0.86), (0.34, 1), (-0.64, 1), (-0.76, 0.86)])
    pen.oval(-0.15, -0.4, 0.7, 0.14, CREAM)
    pen.oval(-0.15, 0.35, 0.22, fill=CREAM, line=0)


def kite(pen: Pen) -> None:
    tail = [(0, 0.6), (-0.1, 0.78), (0.1, 0.96), (-0.06, 1.14), (0.12, 1.32)]
    pen.stroke(tail, 0.05, CREAM)
    for x, y in tail[1:]:
        pen.shape([(x - 0.15, y - 0.08), (x + 0.15, y + 0.08), (x + 0.15, y - 0.08), (x - 0.15, y + 0.08)], line=0)
    pen.shape([(0, -1), (0.85, -0.25), (0, 0.65), (-0.85, -0.25)])
    pen.shape([(0, -0.96), (0.81, -0.25), (0, -0.25)], pen.shade, 0)
    pen.shape([(0, -0.25), (0, 0.61), (-0.81, -0.25)], pen.shade, 0)
    pen.stroke([(0, -1), (0, 0.65)], 0.06, CREAM)
    pen.stroke([(-0.85, -0.25), (0.85, -0.25)], 0.06, CREAM)


def star(pen: Pen) -> None:
    radii = (1, 0.5)
    pen.shape([(radii[i % 2] * sin(pi * i / 5), -radii[i % 2] * cos(pi * i / 5)) for i in range(10)])
    pen.face(0, -0.08, 0.22)


def flower(pen: Pen) -> None:
    pen.stroke([(0, -0.2), (0.04, 0.4), (0, 1)], 0.1, STEM)
    for side in (-1, 1):
        pen.oval(side * 0.3, 0.7 - side * 0.08, 0.3, 0.12, STEM, 0, turn=-side * 0.5)
    for i in range(6):
        x, y = cos(pi * i / 3 + 0.5), sin(pi * i / 3 + 0.5)
        pen.oval(0.42 * x, -0.38 + 0.42 * y, 0.3, 0.26, turn=pi * i / 3 + 0.5)
    pen.oval(0, -0.38, 0.26, fill=CREAM, line=3)


def umbrella(pen: Pen) -> None:
    pen.stroke([(0, -1), (0, 0.75), *arc(0.17, 0.78, 0.17, 0.2, 0.5, 0, 8)], 0.09)
    rim = [point for x in (0.75, 0.25, -0.25, -0.75) for point in arc(x, 0.08, 0.25, 0.16, 0, -0.5, 6)]
    pen.shape(arc(0, 0.08, 1, 1, 0.5, 1, 24) + rim)
    pen.shape(arc(0, 0.08, 0.5, 0.97, 0.5, 1, 12) + rim[7:21], pen.shade, 0)
    pen.stroke(arc(0, 0.08, 0.5, 0.97, 0.5, 1, 12), 0.04, INK)
    pen.stroke([(0, -0.9), (0, -0.06)], 0.04, INK)


def butterfly(pen: Pen) -> None:
    for side in (-1, 1):
        pen.stroke([(0, -0.5), (side * 0.14, -0.8), (side * 0.3, -0.9)], 0.05)
        pen.oval(side * 0.46, 0.42, 0.42, 0.34, pen.shade, turn=side * 0.7)
        pen.oval(side * 0.56, -0.28, 0.52, 0.4, turn=-side * 0.6)
        pen.oval(side * 0.62, -0.34, 0.17, fill=CREAM, line=0)
        pen.oval(side * 0.48, 0.44, 0.11, fill=CREAM, line=0)
    pen.oval(0, 0.05, 0.11, 0.62, INK, 0)
    pen.oval(0, -0.52, 0.15, fill=INK, line=0)


DRAW_THING: dict[str, Callable[[Pen], None]] = {
    function.__name__: function
    for function in (ball, house, car, boat, fish, cat, cup, kite, star, flower, umbrella, butterfly)
}

# ---- the extras: small, and always the same look


def sun(pen: Pen) -> None:
    for i in range(10):
        x, y = cos(pi * i / 5), sin(pi * i / 5)
        pen.stroke([(0.75 * x, 0.75 * y), (1.05 * x, 1.05 * y)], 0.12, (250, 222, 140))
    pen.oval(0, 0, 0.62, fill=(253, 232, 150), line=2)


def moon(pen: Pen) -> None:
    pen.shape(arc(0, 0, 0.8, 0.8, 0.1, 0.9, 24) + arc(0.3, 0, 0.55, 0.6, 0.86, 0.14, 24), (250, 242, 208), 2)


def cloud(pen: Pen) -> None:
    for x, y, r in ((-0.6, 0.15, 0.42), (0.6, 0.15, 0.42), (0, -0.08, 0.58), (0, 0.25, 0.45)):
        pen.oval(x, y, r * 1.1, r * 0.8, (250, 250, 252), 0)


def tree(pen: Pen) -> None:
    pen.shape([(-0.14, 1), (-0.1, 0.2), (0.1, 0.2), (0.14, 1)], WOOD, 2)
    for x, y, r in ((-0.32, 0.05, 0.42), (0.32, 0.05, 0.42), (0, -0.4, 0.52)):
        pen.oval(x, y, r, fill=LEAF, line=0)


def bird(pen: Pen) -> None:
    pen.oval(0, 0.1, 0.5, 0.26, (150, 142, 140), 2)
    pen.oval(0.46, -0.1, 0.22, fill=(150, 142, 140), line=0)
    pen.shape([(0.64, -0.16), (0.94, -0.04), (0.62, 0.02)], WOOD, 0)
    pen.shape([(-0.4, 0.06), (-0.95, -0.12), (-0.85, 0.22)], (150, 142, 140), 0)
    pen.shape([(0.15, 0), (-0.55, -0.8), (-0.35, 0.05)], (126, 118, 118), 0)
    pen.oval(0.5, -0.14, 0.06, fill=INK, line=0)


def snowman(pen: Pen) -> None:
    for y, r in ((0.62, 0.48), (-0.05, 0.38), (-0.62, 0.3)):
        pen.oval(0, y, r, fill=(250, 251, 254), line=3)
    for x in (-0.11, 0.11):
        pen.oval(x, -0.7, 0.05, fill=INK, line=0)
    pen.shape([(0, -0.62), (0.34, -0.54), (0, -0.52)], (214, 160, 120), 0)
    for y in (-0.15, 0.08):
        pen.oval(0, y, 0.06, fill=INK, line=0)


def lamp(pen: Pen) -> None:
    pen.stroke([(0, 1), (0, -0.5)], 0.12, (120, 116, 120))
    pen.stroke([(-0.3, 1), (0.3, 1)], 0.12, (120, 116, 120))
    pen.shape([(-0.46, -0.4), (-0.24, -1), (0.24, -1), (0.46, -0.4)], (250, 240, 206), 3)


def window(pen: Pen) -> None:
    pen.shape([(-0.8, -1), (0.8, -1), (0.8, 1), (-0.8, 1)], (216, 232, 240), 5)
    pen.stroke([(0, -1), (0, 1)], 0.1, WOOD)
    pen.stroke([(-0.8, 0), (0.8, 0)], 0.1, WOOD)


def clock(pen: Pen) -> None:
    pen.oval(0, 0, 0.8, fill=CREAM, line=6)
    pen.stroke([(0, -0.56), (0, 0), (0.36, 0.2)], 0.1)


# height of the middle as a share of the page, half height in pixels of the picture
EXTRAS: dict[str, tuple[Callable[[Pen], None], float, float]] = {
    "sun": (sun, 0.13, 18),
    "moon": (moon, 0.14, 19),
    "cloud": (cloud, 0.13, 19),
    "tree": (tree, 0.52, 26),
    "bird": (bird, 0.2, 14),
    "snowman": (snowman, 0.56, 22),
    "lamp": (lamp, 0.53, 26),
    "window": (window, 0.26, 21),
    "clock": (clock, 0.2, 17),
}

# ---- the places: sky (or wall) and ground, both pale, with a few quiet marks

SKIES: dict[str, tuple[Colour, Colour]] = {
    "meadow": ((208, 231, 245), (184, 218, 152)),
    "beach": ((216, 236, 246), (243, 229, 194)),
    "snow": ((204, 216, 232), (246, 248, 252)),
    "street": ((228, 230, 234), (176, 176, 182)),
    "room": ((244, 231, 218), (214, 190, 164)),
    "hill": ((132, 140, 186), (138, 162, 150)),
    "sea": ((214, 233, 246), (146, 196, 214)),
    "lake": ((232, 236, 228), (168, 206, 208)),
}


def background(paper: ImageDraw.ImageDraw, place: str, horizon: float, sky: Colour, ground: Colour,
               rng: random.Random) -> None:  # fmt: skip
    """The place: `horizon` in pixels of the page."""
    paper.rectangle((0, 0, PAGE, PAGE), fill=sky)
    paper.rectangle((0, 0, PAGE, horizon * 0.4), fill=mix(sky, ground, 0.07))
    light, dark = mix(ground, (255, 255, 255), 0.4), mix(ground, INK, 0.2)
    if place == "street":
        x = -rng.uniform(0, 40)
        while x < PAGE:
            width, height = rng.uniform(50, 90), rng.uniform(70, 170)
            wall = mix(sky, INK, rng.uniform(0.08, 0.16))
            paper.rectangle((x, horizon - height, x + width, horizon), fill=wall)
            for row in range(int(height // 34)):
                for column in (0.25, 0.65):
                    left, top = x + width * column, horizon - height + 14 + 34 * row
                    paper.rectangle((left, top, left + 9, top + 14), fill=mix(wall, CREAM, 0.6))
            x += width
    elif place == "room":
        for left in range(round(rng.uniform(0, 44)), PAGE, 44):
            paper.rectangle((left, 0, left + 16, horizon), fill=mix(sky, (255, 255, 255), 0.35))
    elif place == "lake":
        for x in (rng.uniform(0, 150), rng.uniform(250, 448)):
            paper.ellipse((x - 190, horizon - 60, x + 190, horizon + 120), fill=mix(sky, LEAF, 0.5))
    if place in ("hill", "snow", "meadow"):
        middle = rng.uniform(100, 350)
        paper.ellipse((middle - 420, horizon - 26, middle + 420, horizon + 500), fill=ground)
    paper.rectangle((0, horizon, PAGE, PAGE), fill=ground)
    if place == "beach":
        paper.rectangle((0, horizon - 46, PAGE, horizon), fill=(160, 206, 220))
        for x in range(-20, PAGE, 64):
            paper.ellipse((x, horizon - 12, x + 76, horizon + 14), fill=light)
    elif place == "street":
        paper.rectangle((0, horizon, PAGE, horizon + 16), fill=light)
        for x in range(-round(rng.uniform(0, 90)), PAGE, 110):
            paper.rectangle((x, horizon + 76, x + 60, horizon + 84), fill=CREAM)
    elif place == "room":
        paper.rectangle((0, horizon, PAGE, horizon + 10), fill=CREAM)
        for board in range(round(horizon) + 44, PAGE, 38):
            paper.line((0, board, PAGE, board), fill=dark, width=2)
    else:
        for _ in range(22):
            x, y = rng.uniform(0, PAGE), rng.uniform(horizon + 16, PAGE)
            if place in ("sea", "lake"):
                paper.line(arc(x, y, 16, 7, 0.5, 1, 6), fill=light, width=4)
            elif place in ("meadow", "hill"):
                paper.line([(x - 7, y - 11), (x, y), (x + 7, y - 12)], fill=dark, width=3)
            else:
                paper.ellipse((x, y, x + 5, y + 4), fill=mix(ground, INK, 0.12))
    if place == "lake":
        for x in (rng.uniform(8, 30), rng.uniform(34, 52), rng.uniform(400, 440)):
            paper.line((x, PAGE, x + 6, PAGE - rng.uniform(50, 84)), fill=STEM, width=6)


def draw_scene(scene: Scene, colour: Colour) -> Image.Image:
    """The scene as a 224x224 RGB picture; `colour` is the main thing's. Equal scenes give equal pixels."""
    rng = random.Random(f"draw {scene.seed}")
    image = Image.new("RGB", (PAGE, PAGE))
    paper = ImageDraw.Draw(image)
    tint = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
    sky, ground = (mix(shade, tint, rng.uniform(0, 0.07)) for shade in SKIES[scene.place])
    if scene.weather == "rain":
        sky = mix(sky, (150, 156, 168), 0.45)
    horizon = PAGE * rng.uniform(0.56, 0.64)
    background(paper, scene.place, horizon, sky, ground, rng)

    corners = list(CORNERS[scene.where])
    rng.shuffle(corners)
    for name, corner in zip(scene.extras, corners, strict=False):
        function, height, half = EXTRAS[name]
        stands = name in ("tree", "snowman", "lamp")
        y = horizon + 16 - 2 * half if stands else PAGE * (height + rng.uniform(-0.02, 0.03))
        function(Pen(paper, PAGE * corner + rng.uniform(-8, 8), y, 2 * half * rng.uniform(0.92, 1.08), line=3,
                     flip=name == "bird" and rng.random() < 0.5))  # fmt: skip

    half = rng.uniform(102, 118) if scene.size == "big" else rng.uniform(70, 82)  # on a page twice as large
    x = PAGE * CENTRES[scene.where] + rng.uniform(-9, 9)
    flies = scene.thing in ("kite", "star", "butterfly", "fish")
    y = PAGE * rng.uniform(0.44, 0.52) if flies else PAGE * rng.uniform(0.86, 0.94) - half
    tilt = rng.uniform(-0.05, 0.05) if not flies else rng.uniform(-0.25, 0.25)
    colour = mix(colour, rng.choice(((255, 255, 255), (0, 0, 0))), rng.uniform(0, 0.08))
    if scene.place in ("sea", "lake"):
        paper.ellipse((x - half, y + half - 16, x + half, y + half + 14) if not flies else
                      (x - 46, PAGE * 0.84, x + 46, PAGE * 0.89), fill=mix(ground, (255, 255, 255), 0.55))  # fmt: skip
    elif not flies:
        paper.ellipse((x - half * 0.9, y + half - 12, x + half * 0.9, y + half + 12), fill=mix(ground, INK, 0.25))
    tilt += {"kite": 0.35, "ball": 0.5}.get(scene.thing, 0)
    flip = scene.thing in ("car", "boat", "fish", "cat", "cup") and rng.random() < 0.5
    DRAW_THING[scene.thing](Pen(paper, x, y, half, colour, rng.uniform(5, 8), tilt, flip))

    if scene.weather == "rain":
        for _ in range(46):
            x, y = rng.uniform(0, PAGE), rng.uniform(0, PAGE)
            paper.line((x, y, x - 5, y + 22), fill=(226, 234, 244), width=3)
    elif scene.weather == "snow":
        for _ in range(46):
            x, y, r = rng.uniform(0, PAGE), rng.uniform(0, PAGE), rng.uniform(3, 6)
            paper.ellipse((x - r, y - r, x + r, y + r), fill=(252, 253, 255))
    return image.reduce(2)
