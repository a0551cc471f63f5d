from gristmill.identity import text_hash
from gristmill.seeds.spill import Candidate, Origin, SeedSpill


def _origin(source: str, document: str, offset: int = 0) -> Origin:
    return Origin(source, document, document, offset, f"licence-{source}")


def test_spill_text_in_two_places_is_one_seed_with_both_origins(tmp_path):
    spill = SeedSpill(tmp_path / "s.sqlite")

    added = [
        spill.add(Candidate("first", "T", 1), _origin("a", "1")),
        spill.add(Candidate("second", None, 2), _origin("a", "2")),
        spill.add(Candidate("first", "other", 1), _origin("b", "9", 5)),
        spill.add(Candidate("third", None, 3), _origin("b", "8")),
        spill.add(Candidate("first", None, 1), _origin("a", "1", 70)),
    ]
    rows = list(spill.rows())

    assert added == [True, True, False, True, False]
    assert [(row["seed_id"], row["text"], row["title"], row["tokens"]) for row in rows] == [
        (text_hash("first"), "first", "T", 1),
        (text_hash("second"), "second", None, 2),
        (text_hash("third"), "third", None, 3),
    ]
    assert [(o["source"], o["document_id"], o["offset"], o["licence"]) for o in rows[0]["origins"]] == [
        ("a", "1", 0, "licence-a"),
        ("b", "9", 5, "licence-b"),
    ]
