"""Draws a picture with the complexity of a photograph: branches, leaves, fruits, a soft background, sensor noise.

Everything is computed from one seed, so a seed is a picture. No file, no network, no photograph of anybody's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.cv import cv2

WIDTH, HEIGHT = 4000, 3000

Picture = NDArray[np.uint8]
Field = NDArray[np.float32]

# BGR in 0..255, from shade to light.
LEAF_TONES = (((24, 70, 22), (70, 165, 92)), ((28, 84, 48), (86, 190, 142)), ((20, 60, 62), (60, 150, 176)))
FRUIT_TONES = (((24, 20, 92), (66, 62, 226)), ((22, 64, 128), (74, 158, 244)), ((30, 92, 74), (112, 208, 196)))
BARK = ((26, 34, 44), (118, 140, 160))
LEAF_TIP = 0.97  # of the half length, where the outline is closed
SPECKLES = 0.0025  # of a fruit's pixels


@dataclass(frozen=True, slots=True)
class Sprite:
    """A small picture with its cover: colour (h, w, 3) uint8, cover (h, w) uint8 where 255 hides what is below.

    It may be turned by up to `turn` degrees: a leaf lies anyhow, the light on a fruit comes from where it comes.
    """

    colour: Picture
    cover: Picture
    turn: float


def draw(seed: int = 7, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """Draw the picture of `seed`: (height, width, 3) uint8, BGR. Takes a few seconds of one core at 12 megapixels."""
    rng = np.random.default_rng(seed)
    unit = math.sqrt(width * height / (WIDTH * HEIGHT))
    picture = _background(rng, height, width)
    leaves = [_leaf(rng, max(12, int(unit * rng.integers(150, 330)))) for _ in range(18)]
    fruits = [_fruit(rng, max(10, int(unit * rng.integers(190, 420)))) for _ in range(9)]
    for _ in range(420):
        _paste_somewhere(picture, leaves[rng.integers(len(leaves))], rng)
    for _ in range(5):
        _branch(picture, rng, unit)
    for index in range(560):
        sprites = fruits if index % 20 == 0 else leaves
        _paste_somewhere(picture, sprites[rng.integers(len(sprites))], rng)
    return _sensor(picture, rng)


def _texture(rng: np.random.Generator, shape: tuple[int, int], octaves: tuple[int, int], slope: float) -> Field:
    """Noise whose octaves fall off as 1/f**slope, as natural scenes do: float32 of `shape`, mean 0, deviation 1.

    `octaves` gives the cells across the coarsest and the finest octave; each octave doubles the one before.
    """
    height, width = shape
    field = np.zeros(shape, np.float32)
    size, finest = octaves
    while size <= finest:
        cells = rng.standard_normal((max(2, size * height // width), size), np.float32)
        field += cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC) / np.float32(size**slope)
        size *= 2
    field -= field.mean()
    field /= max(float(field.std()), 1e-6)
    return field


def _background(rng: np.random.Generator, height: int, width: int) -> Picture:
    """Foliage far out of focus: coarse 1/f texture, drawn small and enlarged, lighter towards the sky."""
    small_h, small_w = max(2, height // 4), max(2, width // 4)
    blobs = _texture(rng, (small_h, small_w), (4, 128), 0.8)
    hue = _texture(rng, (small_h, small_w), (3, 32), 1.0)
    sky = np.linspace(1.0, 0.35, small_h, dtype=np.float32)[:, None]
    light = (np.tanh(blobs * 0.7) * 52 + 70 + 78 * sky)[..., None]
    tint = np.array((0.78, 1.0, 0.74), np.float32) + hue[..., None] * np.array((0.08, 0.02, -0.09), np.float32)
    small = cv2.GaussianBlur(np.clip(light * tint, 0, 255).astype(np.uint8), (0, 0), 2.0)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _mix(tones: tuple[tuple[int, int, int], tuple[int, int, int]], light: Field) -> Picture:
    """Colours between a shade and a light tone: `light` (h, w) in 0..1 (beyond 1 it bleaches) -> (h, w, 3) uint8."""
    shade, bright = (np.array(tone, np.float32) for tone in tones)
    mixed = shade + (bright - shade) * np.clip(light, 0, 1)[..., None] + np.clip(light - 1, 0, 1)[..., None] * 200
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _leaf(rng: np.random.Generator, length: int) -> Sprite:
    """One leaf along the x axis: pointed outline, midrib and side veins, mottled blade, one half in shade."""
    half = int(length * 0.55)
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / np.float32(half)
    body = np.clip(1 - x * x, 0, 1)
    outline = np.float32(rng.uniform(0.3, 0.46)) * body * (1 + np.float32(0.25) * x)
    outline += np.float32(0.012) * np.sin(x * np.float32(rng.uniform(40, 70)))
    across = np.abs(y) / np.maximum(outline, np.float32(1e-3))
    cover = np.clip((1 - across) * outline * half / 1.5, 0, 1) * (np.abs(x) < LEAF_TIP)
    veins = 0.5 + 0.5 * np.cos((x - np.abs(y) * np.float32(0.8)) * np.float32(rng.uniform(34, 48)))
    mottle = _texture(rng, (2 * half + 1, 2 * half + 1), (8, 256), 0.6)
    light = 0.52 + 0.2 * np.sign(y) * (1 - across) - 0.16 * veins**6 + 0.09 * mottle + 0.12 * x
    light = np.where(np.abs(y) < 0.012 + 0.01 * (1 - x), light + 0.32, light).astype(np.float32)
    return _sprite(_mix(LEAF_TONES[rng.integers(len(LEAF_TONES))], light), cover, turn=180)


def _fruit(rng: np.random.Generator, size: int) -> Sprite:
    """One ball lit from the upper left: diffuse light, a highlight, a dark rim, speckles and streaks on its skin."""
    half = size // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / np.float32(half)
    radius = np.sqrt(x * x + (y * np.float32(rng.uniform(0.95, 1.1))) ** 2)
    depth = np.sqrt(np.clip(1 - radius * radius, 0, 1))
    facing = np.clip(-0.45 * x - 0.55 * y + 0.7 * depth, 0, 1)
    streaks = np.sin(np.arctan2(y, x) * np.float32(rng.integers(18, 40))) * radius
    skin = _texture(rng, (2 * half + 1, 2 * half + 1), (4, 256), 0.5)
    light = 0.12 + 0.78 * facing + 0.05 * streaks + 0.06 * skin + 1.1 * facing**40
    speckles = rng.random(light.shape, np.float32) > 1 - SPECKLES
    light = np.where(cv2.dilate(speckles.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, light + 0.22, light)
    cover = np.clip((1 - radius) * half / 1.5, 0, 1)
    tones = FRUIT_TONES[rng.integers(len(FRUIT_TONES))]
    return _sprite(_mix(tones, light.astype(np.float32)), cover, turn=15)


def _sprite(colour: Picture, cover: Field, turn: float) -> Sprite:
    """A sprite with an empty margin, so that nothing is cut when it grows, turns or throws a soft shadow."""
    side = cover.shape[0]
    margin = side // 5
    wide = cv2.copyMakeBorder(colour, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    hidden = cv2.copyMakeBorder((cover * 255).astype(np.uint8), margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    return Sprite(np.asarray(wide, np.uint8), np.asarray(hidden, np.uint8), turn)


def _branch(picture: Picture, rng: np.random.Generator, unit: float) -> None:
    """A tapering, wandering branch with bark: a distance field across its polyline gives the round shading."""
    height, width = picture.shape[:2]
    steps = 60
    xs = np.linspace(-0.05, 1.05, steps) * width
    ys = rng.uniform(0.1, 0.9) * height + np.cumsum(rng.normal(rng.uniform(-0.2, 0.2), 1.0, steps)) * height * 0.012
    mask = np.zeros((height, width), np.uint8)
    for index in range(steps - 1):
        thick = max(2, int(unit * 96 * (1 - 0.8 * index / steps)))
        start, end = (int(xs[index]), int(ys[index])), (int(xs[index + 1]), int(ys[index + 1]))
        cv2.line(mask, start, end, 255, thick, cv2.LINE_AA)
    top, bottom = max(0, int(ys.min() - 100 * unit)), min(height, int(ys.max() + 100 * unit) + 1)
    if bottom <= top + 1:
        return
    mask, band = mask[top:bottom], picture[top:bottom]
    deep = cv2.distanceTransform((mask >> 7), cv2.DIST_L2, 3) / np.float32(48 * unit)
    bark = _texture(rng, (bottom - top, width), (64, 1024), 0.25)
    light = np.clip(deep, 0, 1) * np.float32(0.55) + np.float32(0.15) * bark + np.float32(0.18)
    _blend(band, _mix(BARK, light), mask)


def _paste_somewhere(picture: Picture, sprite: Sprite, rng: np.random.Generator) -> None:
    """Turn and scale a sprite, lay its shadow and then itself onto a random place, cut at the picture's border."""
    side = sprite.cover.shape[0]
    scale = float(rng.uniform(0.55, 1.15))
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(-sprite.turn, sprite.turn)), scale)
    colour = np.asarray(cv2.warpAffine(sprite.colour, turn, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    cover = np.asarray(cv2.warpAffine(sprite.cover, turn, (side, side)), np.uint8)
    height, width = picture.shape[:2]
    x, y = int(rng.integers(-side // 2, width - side // 2)), int(rng.integers(-side // 2, height - side // 2))
    shadow = cv2.blur(cover, (max(3, side // 11),) * 2)
    drop = side // 20
    _place(picture, np.zeros_like(colour), (shadow // 2).astype(np.uint8), x + drop, y + drop)
    _place(picture, colour, cover, x, y)


def _place(picture: Picture, colour: Picture, cover: Picture, x: int, y: int) -> None:
    height, width = picture.shape[:2]
    side_y, side_x = cover.shape
    top, bottom, left, right = max(0, y), min(height, y + side_y), max(0, x), min(width, x + side_x)
    if top < bottom and left < right:
        cut = np.s_[top - y : bottom - y, left - x : right - x]
        _blend(picture[top:bottom, left:right], colour[cut], cover[cut])


def _blend(below: Picture, above: Picture, cover: Picture) -> None:
    """below = above where cover is 255, unchanged where it is 0, in place; all uint8 of one height and width."""
    share = cv2.merge((cover,) * 3)
    hidden = cv2.multiply(above, share, scale=1 / 255)
    cv2.add(cv2.multiply(below, cv2.bitwise_not(share), scale=1 / 255), hidden, dst=below)


def _sensor(picture: Picture, rng: np.random.Generator) -> Picture:
    """What a lens and a sensor add: a slight blur, then noise."""
    soft = cv2.GaussianBlur(picture, (3, 3), 0)
    grain = rng.integers(0, 256, (picture.shape[0] + 64, picture.shape[1]), np.uint8)
    # The sum of two uniform fields is close enough to a bell, and much cheaper than drawing one.
    noise = cv2.addWeighted(grain[:-64], 0.04, grain[64:], 0.04, -10.2, dtype=cv2.CV_16S)
    return np.asarray(cv2.add(soft, cv2.merge((noise,) * 3), dtype=cv2.CV_8U), np.uint8)
