"""Speed, as ratios within one run: both sides are interleaved, so that a busy machine slows them alike."""
