"""The Space: a page on which to try models. This folder is what the Hub holds, but for this file."""
