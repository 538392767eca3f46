"""What schemathesis is told of this API."""

import schemathesis

UNKNOWN_HEADER = "x-schemathesis-unknown-property"


@schemathesis.hook
def filter_case(context, case):
    # A request may have any other header besides those that are described: proxies add theirs.
    return UNKNOWN_HEADER not in (case.headers or {})
