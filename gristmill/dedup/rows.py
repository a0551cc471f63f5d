"""What of a row is compared: one text from its prompt and response."""

import pyarrow as pa
import pyarrow.compute as pc

_NEW_LINE = pa.scalar("\n", pa.large_string())


def row_texts(batch: pa.RecordBatch) -> pa.Array:
    """Prompt and response on lines of their own; the response alone where there is no prompt."""
    prompts, responses = (batch[name].cast(pa.large_string()) for name in ("prompt", "response"))
    if prompts.null_count == len(prompts):
        return responses
    return pc.binary_join_element_wise(prompts, responses, _NEW_LINE, null_handling="skip")
