"""Plans of changes to a cloud: made first, printed by default, carried out only when asked.

`plan` is the data, with its hash and seal; `approval` a second person's consent; `journal` what
has been done of it, written before and after every change; `executors` print a plan or carry it
out. What a step means belongs to the capability that made it: it gives a `Performer`.
"""
