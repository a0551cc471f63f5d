import re

from gristmill.seeds.document import Section
from gristmill.seeds.python_docs import clean, documents, topic_count
from gristmill.text import sentences

TOPIC = """The "demo" statement
********************

The "demo" statement is a *very* short
one [1]. It takes a long comma-
separated list of names:

   demo_stmt ::= "demo" [list]

"demo" binds these names:

* formal parameters,

* class definitions

New in version 3.5.

Calling it
==========

object.demo(self[, name])

   Called to demonstrate *name* **now**. The following code is an example:

      >>> demo("x")
      >>> y = 2 * 3

   Note:

     The operands of "2*x*y" are no emphasis.

See also:

  **PEP 343** - The something statement
     The specification.

+-----+-----+
| a   | b   |
+-----+-----+

-[ Footnotes ]-

[1] A remark.
"""


def test_clean_topic_becomes_prose_in_sections():
    document = clean("demo", TOPIC)

    assert document.title == 'The "demo" statement'
    assert document.address == "python-docs:pydoc_data.topics#demo"
    assert document.text == (
        'The "demo" statement is a very short one. It takes a long comma-separated list of names.\n\n'
        '"demo" binds these names: formal parameters, class definitions.\n\n'
        "object.demo(self[, name]): Called to demonstrate name now.\n\n"
        'The operands of "2*x*y" are no emphasis.'
    )
    assert document.sections == (Section(0, ""), Section(155, "Calling it"))
    assert document.text[155:].startswith("object.demo")


def test_documents_of_this_python_are_prose_without_traces_of_layout():
    found = list(documents())

    assert len(found) == topic_count()
    assert all(document.text for document in found)
    whole = "\n\n".join(document.text for document in found)
    assert not re.search(r"::=|^\s*>>> |^[=*~-]{4,}$|^\+-{3}|\[ Footnotes \]", whole, re.MULTILINE)
    assert not re.search(r"^   ", whole, re.MULTILINE)
    assert not re.search(r"(?<!\S)\*\*?\w+\*\*?(?= )", whole)


def test_documents_of_this_python_explain_names_in_whole_sentences():
    methods = next(document for document in documents() if document.id.endswith("#string-methods"))

    assert (
        "str.capitalize(): Return a copy of the string with its first character capitalized and the rest lowercased."
        in sentences(methods.text)
    )
