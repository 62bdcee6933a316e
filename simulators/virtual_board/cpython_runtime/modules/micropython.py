"""MicroPython's module of that name, as far as firmware uses it, for CPython."""


def const(value):
    return value


def native(function):
    return function


viper = native


def schedule(function, argument):
    function(argument)


def alloc_emergency_exception_buf(size):
    pass


def kbd_intr(character):
    pass
