"""Generated programs, what they mean, what the scan says of them and what Keras does when it runs them.

A seed makes a program: the form of a model, the spelling of an activation, the form of a loss, how
they meet and how all that lies in files are drawn independently (``forms``, ``heads``, ``losses``,
``pairs``, ``layouts``), and so is the way in which each literal is said (``values``). ``scan`` holds
the scan against what was meant, ``live`` runs the program on a backend, ``compare`` holds the scan
against the run.
"""
