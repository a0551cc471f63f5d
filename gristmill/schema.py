"""The data contract: one explicit Arrow schema for each kind of row that crosses a stage's border."""

import pyarrow as pa

ORIGIN = pa.struct(
    [
        pa.field("source", pa.string(), nullable=False),  # name of the source in params.yaml
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("address", pa.string(), nullable=False),  # file, s3:// address or built-in source; `#key` inside it
        pa.field("offset", pa.int64(), nullable=False),  # characters from the start of the normalised document
        pa.field("licence", pa.string()),
    ]
)
"""Where a text was found. A text found in two places keeps both."""

SEED = pa.schema(
    [
        pa.field("seed_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("tokens", pa.int32(), nullable=False),  # estimated, see gristmill.text.estimate_tokens
        pa.field("depth", pa.int8(), nullable=False),  # 0 = real text
        pa.field("language", pa.string()),  # tag, where the source, its column or detection tells
        pa.field("stratum", pa.string()),  # topic or grade, where the source's column tells
        pa.field("fields", pa.string()),  # JSON object: the source's `fields`; null where it names none
        pa.field("origins", pa.list_(pa.field("element", ORIGIN, nullable=False)), nullable=False),
    ]
)
"""Of a text that stands in several rows, title, language, stratum and fields are those of the first."""

SAMPLE = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("recipe", pa.string(), nullable=False),
        pa.field("recipe_hash", pa.string(), nullable=False),
        pa.field("draw", pa.int32(), nullable=False),
        pa.field("depth", pa.int8(), nullable=False),  # 1 + the deepest seed's
        pa.field("type", pa.string(), nullable=False),  # "sft", "preference", "chat", "tool_call" or "text"
        pa.field("prompt", pa.string(), nullable=False),  # of a chat the last user's turn; of a text what asked for it
        pa.field("response", pa.string(), nullable=False),  # of a chat the last turn; of a pair the chosen; the text
        pa.field("chosen", pa.string()),  # of a preference pair
        pa.field("rejected", pa.string()),
        pa.field("conversation", pa.string()),  # JSON list of turns, where prompt and response are not the whole
        pa.field("tools", pa.string()),  # JSON list of tools, in OpenAI's form
        pa.field("reference", pa.string()),  # the right answer
        pa.field("verifier", pa.string()),  # who holds an answer against the reference
        pa.field("evidence", pa.string()),  # the span of `context` that supports the response
        pa.field("context", pa.string()),  # the seed's text
        pa.field("fields", pa.string(), nullable=False),  # JSON object: every named step's value
        pa.field("seed_ids", pa.list_(pa.string()), nullable=False),
        pa.field("origins", pa.list_(pa.field("element", ORIGIN, nullable=False)), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("model_revision", pa.string(), nullable=False),
        pa.field("engine", pa.string(), nullable=False),
        pa.field("engine_version", pa.string(), nullable=False),
        pa.field("sampling", pa.string(), nullable=False),  # JSON object: step -> sampling parameters
        pa.field("request_keys", pa.list_(pa.string()), nullable=False),  # the journal's keys, in order of asking
        pa.field("prompt_hashes", pa.list_(pa.string()), nullable=False),
        pa.field("prompt_tokens", pa.int32(), nullable=False),
        pa.field("completion_tokens", pa.int32(), nullable=False),
    ]
)

SCORE = pa.struct([pa.field("criterion", pa.string(), nullable=False), pa.field("score", pa.int8(), nullable=False)])

JUDGED = pa.schema(
    [
        *SAMPLE,
        pa.field("judge_status", pa.string(), nullable=False),  # "scored" or "unparsed"; "real" for a real row
        pa.field("judge_faults", pa.string()),
        pa.field("judge_scores", pa.list_(pa.field("element", SCORE, nullable=False)), nullable=False),
        pa.field("judge_mean", pa.float32()),  # null when unparsed
        pa.field("judge_request_keys", pa.list_(pa.string()), nullable=False),
    ]
)

COMPOSED = pa.schema(
    [
        *JUDGED,
        pa.field("split", pa.string(), nullable=False),  # "train", "validation" or "test"
        pa.field("text_hash", pa.string(), nullable=False),  # of the normalised prompt and response
    ]
)

MESSAGE = pa.struct([pa.field("role", pa.string(), nullable=False), pa.field("content", pa.string(), nullable=False)])

PUBLISHED = pa.schema(
    [
        pa.field("messages", pa.list_(pa.field("element", MESSAGE, nullable=False)), nullable=False),
        *COMPOSED,
    ]
)

REJECT = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False),  # the ledger it is booked in
        pa.field("id", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),  # "rejected" or "failed"
        pa.field("reason", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),  # what was measured
        pa.field("threshold", pa.string(), nullable=False),  # what would have passed
        pa.field("where", pa.string(), nullable=False),  # file and line, or the seed
        pa.field("text", pa.string(), nullable=False),  # excerpt, personal data and secrets redacted
    ]
)
