"""What every chapter promises its reader, as rules that say what is broken and where."""

import ast
import re
from pathlib import Path

import nbformat

from bundlebook.chapters import CELL_ID

MAX_BYTES, MAX_CELLS, MAX_LINES, MAX_PLOT_LINES, WORDS_PER_LINE, MAX_IMPORTS = 300_000, 60, 15, 25, 8, 8
ROWS = ("**You will build**", "**You will learn**", "**You need**", "**Time and data**")
SECTIONS = ("## Check yourself", "## Exercises", "## Summary", "## Further reading")
PARAMETERS = ("SHOP", "SEED")
TAGS = {"parameters", "nbval-ignore-output", "exclude-input"}
MACHINE = re.compile(r"(?<![\w.:/])/(?:home|root|work|tmp|Users|opt|mnt)/|\b[A-Z]:\\\\|0x[0-9a-f]{8,}|\.venv")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def faults(file: Path, chapter: bool = True) -> list[str]:
    """All broken promises of one notebook; skeleton and budgets are for chapters, the rest for solutions too."""
    try:
        notebook = nbformat.read(file, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:
        return [f"not a valid notebook: {error}"]
    rules = [stored, metadata, clean_code, front_doors, links, machine_free]
    rules += [skeleton, parameters, budgets] if chapter else [footer, parameters_of_solutions]
    found = [fault for rule in rules for fault in rule(notebook, file)]
    if file.stat().st_size > MAX_BYTES:
        found.append(f"{file.stat().st_size:,} bytes are more than {MAX_BYTES:,}")
    return found


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return set(cell.metadata.get("tags", []))


def stored(notebook, file):
    """Stored as executed from the first cell to the last, without stderr, warning or error."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"stored as executed in the order {counts}: run `make refresh`"
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                yield f"cell {number}: stderr is stored: {output.text[:80]!r}"
            if output.output_type == "error":
                yield f"cell {number}: an error is stored: {output.ename}"
            if "Warning: " in str(output.get("text", "")):
                yield f"cell {number}: a warning is stored"
    checked = [c for c in code_cells(notebook) if c.outputs and "nbval-ignore-output" not in tags(c)]
    if not checked:
        yield "no output is compared with a fresh run"


def metadata(notebook, file):
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        yield f"kernel {notebook.metadata.get('kernelspec', {}).get('name')!r} is not the portable 'python3'"
    extra = set(notebook.metadata) - {"kernelspec", "language_info"}
    if extra:
        yield f"metadata {sorted(extra)} should have been dropped: run `make refresh`"
    ids = [cell.get("id", "") for cell in notebook.cells]
    for number, cell_id in enumerate(ids):
        if not CELL_ID.fullmatch(cell_id):
            yield f"cell {number}: id {cell_id!r} is no slug with four hex digits: run `make refresh`"
        if cell_id in ids[:number]:
            yield f"cell {number}: id {cell_id!r} stands twice: run `make refresh`"
    for number, cell in enumerate(notebook.cells):
        if tags(cell) - TAGS:
            yield f"cell {number}: unknown tags {sorted(tags(cell) - TAGS)}"
        if set(cell.metadata) - {"tags"}:
            yield f"cell {number}: metadata {sorted(cell.metadata)} should have been dropped: run `make refresh`"


def clean_code(notebook, file):
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"cell {number}: no plain Python (magic, shell?): {error}"
        if not cell.source.strip():
            yield f"cell {number}: empty"
        if re.search(r";\s*$", cell.source, flags=re.M):
            yield f"cell {number}: a line ends in ';'"
        if re.search(r"\.style\b(?!\.use)|sys\.path|os\.getcwd|Path\.cwd", cell.source):
            yield f"cell {number}: Styler, sys.path or the working directory are not for chapters"


def machine_free(notebook, file):
    for number, cell in enumerate(notebook.cells):
        texts = [cell.source]
        for output in cell.get("outputs", []):
            texts.append(str(output.get("text", "")))
            texts += [str(v) for kind, v in output.get("data", {}).items() if not kind.startswith("image/png")]
        found = next((MACHINE.search(text) for text in texts if MACHINE.search(text)), None)
        if found:
            yield f"cell {number}: {found.group()!r} exists on one machine only"


def links(notebook, file):
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        for target in LINK.findall(cell.source):
            if target.startswith(("http://", "https://", "#")):
                continue
            if not (file.parent / target.split("#")[0]).exists():
                yield f"cell {number}: the link to {target!r} leads nowhere"


def footer(notebook, file):
    last = notebook.cells[-1]
    if "notebook.footer(" not in last.source or "nbval-ignore-output" not in tags(last):
        yield "the last cell is not a footer tagged nbval-ignore-output"


def skeleton(notebook, file):
    cells = notebook.cells
    if not re.match(rf"# {file.name[:2]}\. \S", cells[0].source):
        yield f"the first cell does not begin with '# {file.name[:2]}. Title'"
    yield from (f"the first cell has no row {row}" for row in ROWS if row not in cells[0].source)
    if cells[1].cell_type != "code" or "notebook.setup(" not in cells[1].source:
        yield "the second cell does not import and call notebook.setup()"
    headings = [m for c in cells if c.cell_type == "markdown" for m in re.findall(r"^## .+$", c.source, flags=re.M)]
    places = [headings.index(s) if s in headings else -1 for s in SECTIONS]
    if -1 in places or places != sorted(places):
        yield f"the sections {', '.join(SECTIONS)} do not stand in this order"
    summary = next((c.source for c in cells if "## Summary" in c.source), "").split("## Summary")[-1]
    bullets = len(re.findall(r"^[-*\d]+\.? ", summary.split("\n## ")[0], flags=re.M))
    if not 1 <= bullets <= 5:
        yield f"the summary has {bullets} bullets, not one to five"
    text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    questions, _, folded = text.partition("## Check yourself")[2].partition("## Exercises")[0].partition("<details>")
    asked, answered = (len(re.findall(r"^\d+\. ", part, flags=re.M)) for part in (questions, folded))
    beside = len(re.findall(r"^\d+\. .*\*\(.+\)\*$", questions, flags=re.M))  # the answer in brackets behind it
    if not asked or asked not in (answered, beside):
        yield f"{asked} questions of 'Check yourself' have {max(answered, beside)} answers"
    if not any("solutions/" in c.source for c in cells if c.cell_type == "markdown"):
        yield "the exercises do not link to their solutions"
    yield from footer(notebook, file)


def parameters(notebook, file, least=PARAMETERS):
    tagged = [number for number, cell in enumerate(notebook.cells) if "parameters" in tags(cell)]
    if tagged != [2]:
        yield f"the cell tagged 'parameters' is not the third one: {tagged}"
        return
    source = notebook.cells[2].source
    names = []
    for statement in ast.parse(source).body:
        line = source.splitlines()[statement.end_lineno - 1]
        if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
            yield f"parameters: {line!r} does not assign one name"
            continue
        names.append(statement.targets[0].id)
        try:
            ast.literal_eval(statement.value)
        except ValueError:
            yield f"parameters: {line!r} is no literal"
        if "  # " not in line:
            yield f"parameters: {line!r} does not say its meaning"
    yield from (f"parameters: {name} is missing" for name in least if name not in names)


def parameters_of_solutions(notebook, file):
    """As in a chapter, but solutions that need no shop, or one certain shop, need not offer the choice."""
    yield from parameters(notebook, file, least=("SEED",))


def imports(cell):
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:  # clean_code reports it
        return []
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def front_doors(notebook, file):
    """Chapters import from the rooms' front doors, at most eight lines of them."""
    lines = 0
    for number, cell in enumerate(notebook.cells):
        for node in imports(cell) if cell.cell_type == "code" else ():
            places = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            names = (
                [f"{places[0]}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else places
            )
            lines += any(place.split(".")[0] == "bundlebook" for place in places)
            for place in places:
                if place.startswith("bundlebook.") and place.count(".") > 1:
                    yield f"cell {number}: {place!r} lies behind a room's front door"
            for name in names:
                if name.startswith("bundlebook.") and "._" in name:
                    yield f"cell {number}: {name!r} is private"
    if lines > MAX_IMPORTS:
        yield f"{lines} lines import from bundlebook, more than {MAX_IMPORTS}"


def budgets(notebook, file):
    # Each checked exercise has a cell with its task and one to answer in, which no reading of the chapter has to pass.
    places = [number for number, cell in enumerate(notebook.cells, 1) if "## Exercises" in cell.source]
    before = places[0] if places else len(notebook.cells)
    if before > MAX_CELLS:
        yield f"{before} cells up to the exercises are more than {MAX_CELLS}"
    code_lines = 0
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        lines = [x for x in cell.source.splitlines() if x.strip() and not x.strip().startswith("#")]
        # An import counts as one line, however long its list of names is.
        lines = lines[sum(node.end_lineno - node.lineno for node in imports(cell)) :]
        limit = MAX_PLOT_LINES if re.search(r"plt\.|plots\b|\bax\b", cell.source) else MAX_LINES
        if len(lines) > limit:
            yield f"cell {number}: {len(lines)} lines of code are more than {limit}"
        code_lines += len(lines)
    words = sum(len(c.source.split()) for c in notebook.cells if c.cell_type == "markdown")
    if words < WORDS_PER_LINE * code_lines:
        yield f"{words} words for {code_lines} lines of code are fewer than {WORDS_PER_LINE} a line"
