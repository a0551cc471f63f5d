"""The filters `pii` and `secrets`, and ingest's guard: redacted or refused, counted, never repeated."""

import json
from pathlib import Path

import pytest

from gristmill.layout import Stage
from gristmill.params.private import PrivacyParams
from gristmill.seeds.document import Document, Section
from gristmill.seeds.privacy import Guard
from gristmill.stages import filter as filter_stage
from gristmill.stages import ingest
from tests.filters.chains import chain_of, outcome
from tests.privacy.planted import SECRETS
from tests.samples import samples, workspace, write_samples

MAIL, IBAN = "jo@example.org", "DE89 3704 0044 0532 0130 00"


def test_pii_redacts_every_text_of_a_row_and_keeps_it(tmp_path):
    row = {**samples(1)[0], "response": f"Ask {MAIL}.", "fields": json.dumps({"q": f'"{MAIL}"\n{MAIL}', "n": 3})}

    kept, refused = outcome(chain_of("pii"), [row, samples(2)[1]], tmp_path)

    assert refused == {}
    assert kept[0]["response"] == "Ask [email]."
    assert json.loads(kept[0]["fields"]) == {"q": '"[email]"\n[email]', "n": 3}
    assert kept[1] == samples(2)[1]


def test_pii_rejects_by_kind_and_counts_without_the_value(tmp_path):
    rows = [{**row, "response": text} for row, text in zip(samples(3), (MAIL, IBAN, "fine"), strict=True)]
    chain = chain_of({"name": "pii", "iban": "reject", "email": False})

    kept, refused = outcome(chain, rows, tmp_path)

    assert [row["response"] for row in kept] == [MAIL, "fine"]
    assert refused == {rows[1]["sample_id"]: ("pii", "pii_iban")}
    assert chain.facts() == {"pii": {"iban": 1}}


def test_secrets_are_redacted_before_later_filters_see_them(tmp_path):
    row = {**samples(1)[0], "response": SECRETS["github"]}

    kept, _ = outcome(chain_of("secrets", "exact_dedup"), [row], tmp_path)
    _, refused = outcome(chain_of({"name": "secrets", "action": "reject"}), [row], tmp_path)

    assert kept[0]["response"] == "[token]"
    assert list(refused.values()) == [("secrets", "secrets_token")]


def test_no_artifact_of_the_filter_stage_shows_what_was_planted(tmp_path):
    planted = [*SECRETS.values(), MAIL, IBAN, "(415) 555-2671", "219-09-9999"]
    rows = samples(len(planted) * 2)
    for number, row in enumerate(rows):
        row["response" if number % 2 else "prompt"] += f' see: "{planted[number // 2]}" there'
    layout = workspace(tmp_path, filter={"filters": [{"name": n} for n in ("pii", "secrets", "length", "grounding")]})
    write_samples(layout, rows)

    filter_stage.run(layout)

    shown = everything_below(layout.data(Stage.FILTER)) + everything_below(tmp_path / "metrics")
    for value in planted:
        for part in (part for part in value.split("\n") if "PRIVATE" not in part):
            assert part not in shown, part


def test_guard_redacts_documents_and_moves_sections():
    text = f"About {MAIL} first.\n\nSecond part, {MAIL}."
    document = Document("d", "a", text, f"by {MAIL}", (Section(0, ""), Section(text.index("Second"), MAIL)))
    guard = Guard(PrivacyParams())

    found = guard.treat("notes", document)

    assert found.text == "About [email] first.\n\nSecond part, [email]."
    assert found.text[found.sections[1].offset :].startswith("Second part")
    assert (found.title, found.sections[1].heading) == ("by [email]", "[email]")
    assert guard.facts() == {"notes": {"email": 2}}


@pytest.mark.parametrize("params", [{"email": "reject"}, {"secrets": "reject"}])
def test_guard_refuses_documents_by_kind(params):
    document = Document("d", "a", f"{MAIL} {SECRETS['aws']}")

    refusal = Guard(PrivacyParams(**params)).treat("notes", document)

    assert (refusal.reason, refusal.value) == ("private", "1 email" if "email" in params else "1 aws-key")


def test_ingest_seeds_hold_nothing_private_and_books_count_it(tmp_path):
    prose = "The report says that the garden was open to all who came to see the old trees in the early spring. " * 3
    (tmp_path / "notes.txt").write_text(f"{prose}\n\n{prose} Write to {MAIL} or use {SECRETS['gitlab']} there.\n")
    sources = {"sources": [{"name": "notes", "path": "notes.txt"}], "passages": {"min_tokens": 10}}
    layout = workspace(tmp_path, ingest=sources)
    lock(layout)

    ingest.run(layout)

    books = json.loads((layout.data(Stage.INGEST) / "_stage.json").read_text())
    shown = everything_below(layout.data(Stage.INGEST))
    assert books["used"]["private"] == {"notes": {"email": 1, "token": 1}}
    assert MAIL not in shown
    assert SECRETS["gitlab"] not in shown


def lock(layout):
    """inputs/sources.lock as `gristmill sync` would write it."""
    from gristmill.params.ingest import IngestParams
    from gristmill.params.load import load_section
    from gristmill.seeds.sources import lock_sources, write_lock

    params = load_section(IngestParams, layout.params, "ingest")
    write_lock(layout.sources_lock, lock_sources(params, layout, lambda: None))


def everything_below(folder: Path) -> str:
    """All that the files hold: Parquet as its rows, others as text."""
    from gristmill.frame.parquet import read_rows

    texts = [path.read_text() for path in folder.rglob("*.json")]
    folders = {path.parent for path in folder.rglob("*.parquet")}
    return "\n".join([*texts, *(str(row) for each in sorted(folders) for row in read_rows(each))])
