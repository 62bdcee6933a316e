"""Gives private and local names short ones that every module uses again, before the firmware is compiled for a board.

MicroPython keeps each different name of all loaded code once, in a table that doubles: at 1,260 names it wants room for
1,280 more, nine kilobytes in one piece. What no other module can see may be called anything, so each module calls it
the same: `_a`, `_b`, ... for what is private, `a_`, `b_`, ... for parameters. Sources and line numbers stay.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count

_PRIVATE = re.compile(r"_[a-zA-Z0-9]\w*\Z")
_WORD = re.compile(r"[A-Za-z_]\w*")
_KEPT = frozenset(["self", "cls", *dir(builtins)])
LOCAL_LENGTH_MIN = 3
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Renames = dict[str, dict[str, str]]  # module: name: short name


@dataclass
class _Seen:
    """The names of one module, by what they are."""

    words: Counter[str] = field(default_factory=Counter)  # every name in the source
    defined: set[str] = field(default_factory=set)  # functions, classes, assigned names, attributes of self
    foreign: set[str] = field(default_factory=set)  # attributes set on something other than self, imported names
    attributes: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)
    bodies: set[str] = field(default_factory=set)  # names that stand in the module's or a class's own body
    keywords: set[str] = field(default_factory=set)  # of calls
    texts: set[str] = field(default_factory=set)  # texts that are names or begin one
    in_formats: set[str] = field(default_factory=set)  # names inside f-strings, which are one token
    bases: set[str] = field(default_factory=set)  # modules from which a class here inherits


def renames(sources: Mapping[str, str]) -> Renames:
    """What each module (name: source) may call its own names."""
    seen = {module: _seen(module, source, sources) for module, source in sources.items()}
    package = _Package(seen)
    found: Renames = {}
    for family in _families(seen):
        private: dict[str, str] = {}
        short = _shorts("_{}", package.words)
        for name in _by_use(seen, family, lambda one: one.defined):
            if package.is_private(name, family):
                private[name] = next(short)
        for module in family:
            mine = {name: new for name, new in private.items() if name in seen[module].words}
            short_here = _shorts("{}_", package.words)
            for name in _by_use(seen, {module}, lambda one: one.parameters):
                if package.is_local(name, seen[module]):
                    mine[name] = next(short_here)
            found[module] = mine
    return found


def renamed(source: str, names: Mapping[str, str]) -> str:
    """The source with its names replaced, each on its line."""
    lines = source.split("\n")
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.NAME]
    for token in reversed(tokens):
        if (new := names.get(token.string)) is not None:
            line, at = token.start[0] - 1, token.start[1]
            lines[line] = lines[line][:at] + new + lines[line][at + len(token.string) :]
    return "\n".join(lines)


def _seen(module: str, source: str, modules: Iterable[str]) -> _Seen:
    one = _Seen()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            one.words[token.string] += 1
        elif token.type == tokenize.STRING and "f" in token.string.split(token.string[-1])[0].lower():
            one.in_formats.update(_WORD.findall(token.string))
    tree = ast.parse(source)
    for node in ast.walk(tree):
        _note(node, one)
    _note_bodies(tree, one)
    one.bases = _bases(tree, set(modules)) - {module}
    return one


def _note(node: ast.AST, one: _Seen) -> None:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            one.defined.add(name)
        case ast.Name(id=name, ctx=ast.Store()):
            one.defined.add(name)
        case ast.Attribute(value=value, attr=name, ctx=context):
            one.attributes.add(name)
            if not isinstance(context, ast.Load):
                mine = isinstance(value, ast.Name) and value.id == "self"
                (one.defined if mine else one.foreign).add(name)
        case ast.alias(name=name, asname=asname):
            one.foreign.update([*name.split("."), asname or ""])
        case ast.ImportFrom(module=str(name)):
            one.foreign.update(name.split("."))
        case ast.arg(arg=name):
            one.parameters.add(name)
        case ast.keyword(arg=str(name)):
            one.keywords.add(name)
        case ast.Constant(value=str(text)) if _WORD.fullmatch(text):
            one.texts.add(text)
        case ast.ExceptHandler(name=str(name)):
            one.defined.add(name)


def _note_bodies(tree: ast.Module, one: _Seen) -> None:
    """Names that a module's or a class's own body uses, and globals: those are no parameters' names only."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, (*_FUNCTIONS, ast.Lambda)):
                if isinstance(child, _FUNCTIONS):
                    one.bodies.add(child.name)
                    waiting += child.decorator_list
                waiting += [*child.args.defaults, *[d for d in child.args.kw_defaults if d is not None]]
                continue
            if isinstance(child, ast.Name):
                one.bodies.add(child.id)
            elif isinstance(child, ast.ClassDef):
                one.bodies.add(child.name)
            waiting.append(child)
    for node in ast.walk(tree):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            one.bodies.add(node.name)
        elif isinstance(node, ast.Global):
            one.bodies.update(node.names)


def _bases(tree: ast.Module, modules: set[str]) -> set[str]:
    """Modules of the package that hand a base class to one here; any module that is imported from, to be sure."""
    origins: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                origins[alias.asname or alias.name] |= {node.module, f"{node.module}.{alias.name}"} & modules
        elif isinstance(node, ast.Import):
            for alias in node.names:
                origins[(alias.asname or alias.name).split(".")[0]] |= {alias.name} & modules
    inherited = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                inherited |= {origin for word in _WORD.findall(ast.unparse(base)) for origin in origins.get(word, ())}
    return inherited


def _families(seen: Mapping[str, _Seen]) -> list[set[str]]:
    """Modules whose classes inherit from one another share their private names."""
    families = {module: {module} for module in seen}
    for module, one in seen.items():
        for base in one.bases:
            merged = families[module] | families[base]
            for member in merged:
                families[member] = merged
    return list({id(family): family for family in families.values()}.values())


def _by_use(seen: Mapping[str, _Seen], family: set[str], which: Callable[[_Seen], set[str]]) -> list[str]:
    """Candidate names of a family, the most used first, so that the shortest of the shared names are shared most."""
    uses: Counter[str] = Counter()
    for module in family:
        for name in which(seen[module]):
            uses[name] += seen[module].words[name]
    return sorted(uses, key=lambda name: (-uses[name], name))


class _Package:
    """Which names no other module can see, over all modules."""

    def __init__(self, seen: Mapping[str, _Seen]) -> None:
        self.words: dict[str, set[str]] = defaultdict(set)  # modules by the names in them
        self._called_by_name: set[str] = set()
        self._bound: set[str] = set()  # by something else than a definition
        self._begun: set[str] = set()
        for module, one in seen.items():
            for word in one.words:
                self.words[word].add(module)
            self._called_by_name |= one.keywords
            self._bound |= one.foreign | one.in_formats | one.keywords | one.parameters
            self._begun |= {text for text in one.texts if text[0] == "_"}

    def is_private(self, name: str, family: set[str]) -> bool:
        """Whether a name with an underscore is used by this family alone, and never by its text."""
        if not _PRIVATE.match(name) or name in self._bound or not self.words[name] <= family:
            return False
        return not any(name.startswith(text) for text in self._begun)  # getattr(self, "_do_" + what)

    def is_local(self, name: str, here: _Seen) -> bool:
        """Whether a name is only a parameter's or a variable's in a module, and nobody calls by it."""
        if len(name) < LOCAL_LENGTH_MIN or name in _KEPT or name in self._called_by_name:
            return False
        return not any(name in names for names in (here.attributes, here.foreign, here.bodies, here.in_formats))


def _shorts(shape: str, taken: Container[str]) -> Iterator[str]:
    """a, b, ... z, aa, ab, ... in this shape, but for what is taken."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in count():
        word, rest = "", number
        while True:
            word = letters[rest % 26] + word
            rest = rest // 26 - 1
            if rest < 0:
                break
        new = shape.format(word)
        if new not in taken and not keyword.iskeyword(new):
            yield new
