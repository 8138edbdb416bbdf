"""An engine for tests of describing folders: it needs no model."""

import threading

import numpy as np
from PIL import Image


class Scribe:
    """An engine that writes a picture's size and colour, and notes what it was asked for."""

    def __init__(self, stop_after=None, **about):
        self.about = {"model": "scribe", "style": "short", "prompt": "A", **about}
        self.texts, self.threads, self.stop_after = [], set(), stop_after

    def read(self, path):
        self.threads.add(threading.get_ident())
        return np.asarray(Image.open(path).convert("RGB"))

    def see(self, pixels):
        return pixels

    def write(self, seen, seed):
        if self.stop_after == 0:
            raise KeyboardInterrupt
        self.stop_after = None if self.stop_after is None else self.stop_after - 1
        texts = [f"{one.shape[1]} by {one.shape[0]}, {one[0, 0]}, seed {seed}" for one in seen]
        self.texts += texts
        return texts
