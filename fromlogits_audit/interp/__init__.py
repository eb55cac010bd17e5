"""An abstract interpreter for Keras programs: it runs modules on abstract values.

``engine.analyse`` is the way in. Nothing of what is analysed is ever imported or executed.
"""
