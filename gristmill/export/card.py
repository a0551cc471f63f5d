"""The data card: README.md with the YAML head that Hugging Face `datasets` reads, then what a reader should know.

`data_files` point at the shards, so that `load_dataset(<folder>)` finds the splits. Generated text
stands in fences longer than any run of backticks in it, where neither Markdown nor HTML is read.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from gristmill.export.shards import SPLITS, ShardFile
from gristmill.frame.redact import excerpt
from gristmill.params.publish import ExportParams

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_SIZES_ABOVE = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))


def write_card(
    params: ExportParams,
    languages: Sequence[str],
    files: Sequence[ShardFile],
    manifest: Mapping[str, Any],
    measures: Mapping[str, Any],
    examples: Sequence[Mapping[str, Any]],
) -> str:
    """The card's text."""
    sections = [
        f"# {_line(params.title)}",
        params.description.strip()
        or "Synthetic data: made with a language model from real text, and checked by program.",
        _contents(manifest),
        _making(manifest),
        _funnel(measures["funnel"]),
        _measures(measures),
        _examples(examples),
        _limits(manifest, measures),
        _sources(manifest["provenance"]["sources"]),
    ]
    return f"---\n{_head(params, languages, files, manifest['rows'])}---\n\n" + "\n\n".join(sections) + "\n"


def size_category(rows: int) -> str:
    """Hugging Face's name for the size."""
    return next((name for bound, name in (*_SIZES, *_SIZES_ABOVE) if rows < bound), "n>1B")


def fenced(text: str) -> str:
    """The text as a code block that it cannot end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _head(params: ExportParams, languages: Sequence[str], files: Sequence[ShardFile], rows: int) -> str:
    by_split = {split: [file.path for file in files if file.split == split] for split in SPLITS}
    data_files = [{"split": split, "path": paths} for split, paths in by_split.items() if paths]
    head = {
        "pretty_name": params.title,
        "license": params.licence,
        "language": list(languages),
        "size_categories": [size_category(rows)],
        "tags": ["synthetic", "gristmill"],
        "configs": [{"config_name": "default", "data_files": data_files}],
    }
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True)


def _contents(manifest: Mapping[str, Any]) -> str:
    lines = [f"| {split} | {rows:,} |" for split, rows in manifest["splits"].items()]
    table = "\n".join(["| split | rows |", "|---|---:|", *lines])
    return (
        f"## Contents\n\n{manifest['rows']:,} rows, about {manifest['tokens']:,} tokens in prompts and responses."
        " Splits are by source document: no document's rows are in two of them.\n\n"
        f"{table}\n\n`messages` holds a user's and an assistant's turn; `prompt`, `response`, the supporting"
        " `evidence` and the seed's text (`context`) stand beside it, with the provenance of every row."
    )


def _making(manifest: Mapping[str, Any]) -> str:
    found = manifest["provenance"]
    recipes = "".join(f"\n* recipe `{r['name']}`, version `{r['hash']}`: {r['rows']:,} rows" for r in found["recipes"])
    models = "".join(
        f"\n* model `{m['name']}`, revision `{m['revision']}`: {m['rows']:,} rows" for m in found["models"]
    )
    engines = ", ".join(f"{engine['name']} {engine['version']}" for engine in found["engines"])
    parent = manifest["parent"]
    built = f"\n* built on `{parent['tag']}`, whose rows it keeps" if parent else ""
    return (
        "## How it was made\n\nFrom passages of the sources below, by a recipe in which a language model writes and a"
        " program chooses and checks; then filtered, judged by a model, and audited.\n"
        f"{recipes}{models}\n* engine {engines}{built}"
    )


def _funnel(steps: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"| {step['stage']} | {step['unit']} | {step['in']:,} | {step['out']:,} | {_reasons(step)} |"
        for step in steps
        if step["in"] or step["unit"] != "parent rows"
    ]
    table = "\n".join(["| step | unit | in | out | rejected or failed |", "|---|---|---:|---:|---|", *lines])
    return f"## What was kept\n\n{table}"


def _reasons(step: Mapping[str, Any]) -> str:
    lost = [(reason, rows) for kind in ("rejected", "failed") for reason, rows in step[kind].items()]
    return ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(lost, key=lambda loss: -loss[1])) or "none"


def _measures(measures: Mapping[str, Any]) -> str:
    whole, diversity = measures["parts"]["whole"], measures["diversity"]
    part, budget = diversity["parts"]["whole"], diversity["word_budget"]
    cost = measures["cost"]
    lines = [
        ("distinct words, samples / seeds", _shown(part["types_ratio"]), f"at {budget:,} words each"),
        ("distinct bigrams", _shown(part["distinct_2"]), f"of those in {budget:,} words"),
        ("repeated prompts", _percent(whole["repeated_prompts_share"]), "of rows"),
        ("commonest first two words", _percent(whole["commonest_opening_share"]), "of prompts"),
        ("rows without a judgement", _percent(whole["judge"]["unparsed_share"]), "the judge's reply did not parse"),
        (
            "tokens per accepted row",
            f"{cost['tokens_per_accepted_row'] or 0:,.0f}",
            "rejects included",
        ),
    ]
    table = "\n".join(f"| {name} | {value} | {note} |" for name, value, note in lines)
    return f"## Measures\n\n| measure | value | |\n|---|---:|---|\n{table}"


def _examples(examples: Sequence[Mapping[str, Any]]) -> str:
    return "## Examples\n\n" + "\n\n".join(fenced(_example(row)) for row in examples)


def _example(row: Mapping[str, Any]) -> str:
    return excerpt(f"prompt:   {row['prompt']}\nresponse: {row['response']}\nevidence: {row['evidence'] or 'none'}")


def _limits(manifest: Mapping[str, Any], measures: Mapping[str, Any]) -> str:
    unparsed = measures["parts"]["whole"]["judge"]["unparsed_share"]
    gate = manifest["gate"]
    warned = "".join(f"\n* The gate was broken and set to warn: {_line(reason)}." for reason in gate["reasons"])
    return (
        "## Limits\n\n"
        "* A language model had a part in every row: it can be wrong although all checks passed. Nobody read all.\n"
        "* The checks are lexical: shared words, verbatim spans, lengths, language. They bound invention and don't"
        " prove that an answer answers its question.\n"
        f"* The judge is a language model. Its scores annotate; {_percent(unparsed)} of the rows have none.\n"
        "* What the sources leave out or get wrong, and how they speak of people, is inherited.\n"
        f"{_duplicates(manifest)}{warned}{_retracted(manifest['retracted'])}"
    )


def _retracted(fallen: Mapping[str, int]) -> str:
    """What was taken out again; an earlier release may still hold it."""
    if not fallen:
        return ""
    told = ", ".join(f"{_line(name)} ({rows:,} rows)" for name, rows in fallen.items())
    return f"\n* Retracted, and left out from this release on: {told}. Do not use earlier releases that hold them."


def _duplicates(manifest: Mapping[str, Any]) -> str:
    """What was done about duplicates, by the filters that ran."""
    filters = {spec["name"]: spec for spec in manifest["parameters"]["filter"]["filters"]}
    if "near_dedup" not in filters:
        return "* Near-duplicates were not looked for: some remain."
    threshold = filters["near_dedup"]["threshold"]
    return (
        f"* Of rows whose word 5-grams have a Jaccard similarity of {threshold:g} or more one was kept; MinHash finds"
        " most such pairs, not all. Rows that say the same in other words remain."
    )


def _sources(sources: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"| {source['name']} | {source['licence']} | {source['rows']:,} |" for source in sources]
    table = "\n".join(["| source | licence | rows |", "|---|---|---:|", *lines])
    return f"## Sources and licences\n\n{table}"


def _shown(measure: Mapping[str, Any]) -> str:
    return f"{measure['value']:.3f}" if measure["value"] is not None else f"unmeasured ({measure['note']})"


def _percent(found: float | None) -> str:
    return "unmeasured" if found is None else f"{found:.1%}"


def _line(text: str) -> str:
    return " ".join(text.split())
