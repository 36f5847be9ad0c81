"""Which algorithms turn rewards into lessons? One file each; the file's name is the algorithm's.

Every loss here is on-policy by default (one update a batch), and then most clipped losses share one
gradient: names differ more than what they do. `passes` and `minibatches` make the difference visible.
"""
