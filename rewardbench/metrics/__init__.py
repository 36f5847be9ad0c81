"""What is a run worth? One file an axis or a flag: plain arrays in, numbers out.

`gold` is the task's own score, which no reward sees; y' is gold on the task's frozen scale, where 0 is the untrained
policy and 1 is what training on gold itself reached. Curves, and what follows from them, are read on `dev` prompts, D
and pass@k on the temperatures sampled at the end, from `dev` or, on boards, `test`: never on prompts that taught; so
are flags, but `dead_signal`, which is of training. A run that crashed is counted, never dropped. `untrained`, `oracle`
and the other arms are reference entries that every sweep may hold.

A number without its interval over seeds is an anecdote. S, E and D are compared only between designs that learn: a
policy that never moves is perfectly stable.
"""
