"""Commands that live in a module of their own; the command line loads one when it is asked for."""
