"""How much better than its siblings was each choice? Baselines shared by the algorithms; NumPy only.

A completion whose reward is NaN (every part abstained) is left out of its group and teaches nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardbench.types import Batch, Floats


def to_go(batch: Batch) -> Floats:
    """Reward still to come at each position, [P, K, T]; the whole reward everywhere without credit. NaN if left out."""
    reward = np.asarray(batch.reward, dtype=np.float64)
    if batch.credit is None:
        return np.broadcast_to(reward[..., None], np.shape(batch.mine))
    credit = np.asarray(batch.credit, dtype=np.float64)
    ahead = credit[..., ::-1].cumsum(-1)[..., ::-1]
    return np.where(np.isfinite(reward)[..., None], ahead, np.nan)


def group_mean(values: Floats) -> Floats:
    """Mean over siblings (axis 1) that have a value, kept as an axis; 0 where none has.

    >>> group_mean(np.array([[1.0, np.nan, 3.0]]))
    array([[2.]])
    """
    count = np.isfinite(values).sum(1, keepdims=True)
    return np.asarray(np.nansum(values, axis=1, keepdims=True) / np.maximum(count, 1))


def group_spread(reward: Floats) -> Floats:
    """Bessel-corrected standard deviation of rewards [P, K] over siblings, [P, 1]; 0 for fewer than two.

    >>> group_spread(np.array([[1.0, 3.0, np.nan], [5.0, np.nan, np.nan]])).ravel().round(4)
    array([1.4142, 0.    ])
    """
    count = np.isfinite(reward).sum(1, keepdims=True)
    squares = np.nansum((reward - group_mean(reward)) ** 2, axis=1, keepdims=True)
    return np.asarray(np.sqrt(squares / np.maximum(count - 1, 1)))


def returns_spread(batch: Batch, gain: Floats) -> Floats:
    """What a group's advantages are divided by, [P, 1, 1]: the Bessel-corrected spread of its rewards; with credit, of
    the centred rewards to come `gain` [P, K, T] themselves, each completion's mean square over its own tokens.

    Totals may be equal where pieces are not: their spread says nothing of the size of what is divided.
    """
    reward = np.asarray(batch.reward, dtype=np.float64)
    if batch.credit is None:
        return group_spread(reward)[..., None]
    own = np.asarray(batch.mine, dtype=bool)
    squares = (gain**2 * own).sum(-1) / np.maximum(own.sum(-1), 1)
    count = np.isfinite(reward).sum(1, keepdims=True)
    return np.asarray(np.sqrt(squares.sum(1, keepdims=True) / np.maximum(count - 1, 1))[..., None])


def centred(batch: Batch) -> Floats:
    """Reward to come minus what siblings had to come at the same point, [P, K, T]; 0 for the left out.

    The same point is the same number of pieces paid, not the same position: siblings write sentences of other lengths,
    and one that has ended has nothing to come where the rest of another's reward is still ahead. What is paid at the
    last token lies ahead of every token, and is compared as a whole.
    """
    reward = np.asarray(batch.reward, dtype=np.float64)
    if batch.credit is None:
        return np.asarray(np.nan_to_num(to_go(batch) - group_mean(reward)[..., None]))
    known = np.isfinite(reward)[..., None]
    last = _last(np.asarray(batch.mine, dtype=bool))
    credit = np.where(known, np.asarray(batch.credit, dtype=np.float64), 0.0)
    stands = (credit != 0 if batch.stands is None else np.asarray(batch.stands, dtype=bool)) & ~last
    end = np.where(known, credit * last, np.nan).sum(-1)
    pieces = credit * ~last
    paid = stands.cumsum(-1) - stands  # pieces paid before a position
    ahead = pieces[..., ::-1].cumsum(-1)[..., ::-1]
    left = [(pieces * (paid >= n)).sum(-1) for n in range(int(paid.max(initial=0)) + 1)]
    base = group_mean(np.where(known, np.stack(left, axis=-1), np.nan))
    gain = end - group_mean(end)
    return np.where(known, gain[..., None] + ahead - base[np.arange(len(base))[:, None, None], 0, paid], 0.0)


def _last(mine: Any) -> Any:
    """Where each completion's last own token stands, [P, K, T].

    >>> _last(np.array([[[True, True, False], [False, False, False]]])).astype(int).tolist()
    [[[0, 1, 0], [0, 0, 0]]]
    """
    ahead = mine[..., ::-1].cumsum(-1)[..., ::-1]
    return mine & (ahead == 1)


def left_out_one(batch: Batch) -> Floats:
    """Reward to come minus the mean of the *other* siblings', [P, K, T]."""
    count = np.isfinite(np.asarray(batch.reward, dtype=np.float64)).sum(1)[:, None, None]
    return np.asarray(centred(batch) * count / np.maximum(count - 1, 1))
