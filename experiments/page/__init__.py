"""The live page: `territoire dashboard`.

`worlds` is the simulation behind it, `watching` what is read off it month by month, `pace` the thread that lives the
days, `lives` one person's life, `words` both languages; none of these knows a browser. `views` draws, `serving` offers
the page to browsers of this machine. Nothing that comes from a browser is run or written.
"""
