"""What scripts/check-api teaches schemathesis about this API."""

import hashlib
import json
import re

import schemathesis
from hypothesis import strategies as st

IDEMPOTENCY_KEY = "Idempotency-Key"
NDJSON = "application/x-ndjson"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes of a request that follows the document one that also follows the rules it can only put in words."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.headers and case.headers.get(IDEMPOTENCY_KEY):
        case.headers[IDEMPOTENCY_KEY] = own_key(case, case.headers[IDEMPOTENCY_KEY])
    if case.query:
        settle(case.query)


def own_key(case, key):
    """The key, made this request's own.

    Drawn keys are short and come up again with another body, which the API refuses as it has to. With what the
    request says in the key, the same request is a replay and another one is new.
    """
    said = json.dumps([case.method, case.path_parameters, case.query, case.body], default=repr, sort_keys=True)
    digest = hashlib.sha256(said.encode()).hexdigest()[:16]
    quoted = len(key) > 1 and key[0] == key[-1] == '"'
    return f'"{key[1:-1][:200]}-{digest}"' if quoted else f"{key[:200]}-{digest}"


def settle(query):
    """Makes the parameters of a list agree with each other."""
    # A cursor that nobody was given fits no list.
    query.pop("cursor", None)
    for alone in ("id", "at"):
        if alone in query:
            for name in [name for name in query if name != alone]:
                del query[name]
    # At most 16 words, at least one: counted so that no other way to tell words apart finds more or none.
    if "q" in query:
        words = re.findall(r"[A-Za-z0-9]+|[^\x00-\x7f]", query["q"])
        if len(words) > 16 or not any(word.isascii() for word in words):
            query["q"] = "hanging heart"
    bounds = [int(query[name]) for name in ("min_price", "max_price") if name in query]
    if len(bounds) == 2:
        query["min_price"], query["max_price"] = sorted(bounds)
    if bounds or str(query.get("sort", "")).endswith("price"):
        query.setdefault("currency", "GBP")


def batches():
    """Bodies of products:batch: rows that are good, rows that are not, and lines that are no JSON."""
    price = st.fixed_dictionaries({"amount": st.integers(-1, 10**6), "currency": st.sampled_from(["GBP", "JPY"])})
    row = st.fixed_dictionaries(
        {"sku": st.text("ABC123", min_size=1, max_size=3)},
        optional={
            "name": st.text(max_size=20),
            "price": price,
            "stock": st.fixed_dictionaries({"on_hand": st.integers(0, 100)}),
        },
    )
    line = st.one_of(row.map(json.dumps), row.map(json.dumps), st.text("{}[]\":,0a\\ \u00e9", max_size=10))
    return st.lists(line, min_size=1, max_size=5).map(lambda lines: "\n".join(lines) + "\n")


@schemathesis.hook
def before_generate_body(context, strategy):
    """Adds bodies with rows to those of an operation that takes lines: its schema only says that they are text."""
    if NDJSON in context.operation.get_request_payload_content_types():
        return st.one_of(strategy, batches())
    return strategy


@schemathesis.serializer(NDJSON)
def lines_of(context, value):
    """The wire form of a body of lines: text as it is, anything else as one line."""
    if isinstance(value, bytes):
        return value
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    return text.encode(errors="replace")


@schemathesis.deserializer(NDJSON)
def text_of(context, response):
    """An answer of lines, for a schema that calls it a string. Every line has to be JSON."""
    text = response.content.decode()
    for line in filter(None, text.split("\n")):
        json.loads(line)
    return text
