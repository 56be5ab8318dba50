"""Cases of other stacks' suites that concern a client; tests/CONFORMANCE.md says whose they are."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from lab import (
    EMPTY,
    FULL_DUPLEX,
    HALF_DUPLEX,
    INPUT,
    OUTPUT,
    UNARY,
    Host,
    cases,
    equal,
    request,
    status,
)
from reflection import described
from rpc_client import Call, Connection
from wire import Failed, Preface, Procedure, Status

CLIENT_SIZES = [27_182, 8, 1_828, 45_904]
SERVER_SIZES = [31_415, 9, 2_653, 58_979]
interop = cases("interop")


def sizes(items: Any) -> list[int]:
    return [len(bytes(response["payload"])) for response in items]


def call_large(host: Host, connection: Connection) -> None:
    response = connection.call(UNARY, [request(*host.large)])
    equal(bytes(response["payload"]), bytes(host.large[1]))


def send_all(call: Call, requests: list[dict[str, Any]]) -> Call:
    for one in requests:
        call.send(one)
    call.finish()
    return call


def refused(run: Callable[[], Any]) -> Status:
    """The status that `run` ends with."""
    try:
        came = run()
    except Status as why:
        return why
    raise AssertionError(f"{came!r:.200} instead of a status")


def own_error(run: Callable[[], Any]) -> dict[str, Any]:
    """The procedure's own error, which is a status too in this service."""
    try:
        came = run()
    except Failed as why:
        return {**why.error, "details": bytes(why.error["details"])}
    raise AssertionError(f"{came!r:.200} instead of an error")


@interop
def empty_unary(host: Host) -> None:
    equal(host.connect().call(EMPTY), None)


@interop
def large_unary(host: Host) -> None:
    call_large(host, host.connect())


@interop
def client_streaming(host: Host) -> None:
    call = host.connect().start(INPUT)
    total = send_all(call, [request(size) for size in CLIENT_SIZES]).result()
    equal((total["requests"], total["payload_size"]), (4, 74_922))


@interop
def server_streaming(host: Host) -> None:
    equal(sizes(host.connect().start(OUTPUT, [request(0, *SERVER_SIZES)])), SERVER_SIZES)


@interop
def ping_pong(host: Host) -> None:
    call = host.connect().start(FULL_DUPLEX, [request()])
    responses = iter(call)
    for size, wanted in zip(CLIENT_SIZES, SERVER_SIZES):
        call.send(request(size, wanted))
        equal(sizes([next(responses)]), [wanted])
    call.finish()
    equal(list(responses), [])


@interop
def empty_stream(host: Host) -> None:
    equal(list(send_all(host.connect().start(FULL_DUPLEX, [request()]), [])), [])


@interop
def half_duplex(host: Host) -> None:
    call = host.connect().start(HALF_DUPLEX)
    equal(sizes(send_all(call, [request(1, 5), request(1, 6, 7)])), [5, 6, 7])


@interop
def server_responds_before_client_sends(host: Host) -> None:
    call = host.connect().start(FULL_DUPLEX, [request(0, 9)])
    responses = iter(call)
    equal(sizes([next(responses)]), [9])
    send_all(call, [request(0, 3)])
    equal(sizes(responses), [3])


@interop
def custom_metadata(host: Host) -> None:
    sent = [
        ("x-grpc-test-echo-initial", b"test_initial_metadata_value"),
        ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab"),
    ]
    connection = host.connect()
    telling = request(*host.large, telling=True)
    answer = connection.call(UNARY, [telling], metadata=sent)
    call = send_all(connection.start(FULL_DUPLEX, [request()], metadata=sent), [telling])
    for response in [answer, *call]:
        seen = response["surroundings"]["metadata"]
        equal([(key, bytes(value)) for key, value in seen], sent)


@interop
def duplicate_metadata_unary_success(host: Host) -> None:
    sent = [("k", b"1"), ("other", b""), ("k", b"2")]
    response = host.connect().call(UNARY, [request(telling=True)], metadata=sent)
    equal([(key, bytes(value)) for key, value in response["surroundings"]["metadata"]], sent)


@interop
def large_amount_of_headers(host: Host) -> None:
    connection = host.connect()
    connection.call(EMPTY, metadata=[("k", bytes(16_383))])
    why = refused(lambda: connection.call(EMPTY, metadata=[("k", bytes(16_384))]))
    equal((why.code, why.may_have_run), (3, False))
    connection.call(EMPTY, metadata=[("k", b"")] * 64)
    why = refused(lambda: connection.call(EMPTY, metadata=[("k", b"")] * 65))
    equal((why.code, why.may_have_run), (3, False))


def check_error(host: Host, code: int, message: str, details: bytes = b"") -> None:
    """The error comes back as it was asked for, from a unary call and behind a stream."""
    connection, failing = host.connect(), request(status=status(code, message, details))
    equal(own_error(lambda: connection.call(UNARY, [failing])), status(code, message, details))
    responses = connection.start(OUTPUT, [{**request(0, 1, 2), "status": failing["status"]}])
    items = iter(responses)
    equal(sizes([next(items), next(items)]), [1, 2])
    equal(refused(lambda: next(items)), Status(code, message, True, details))


@interop
def status_code_and_message(host: Host) -> None:
    check_error(host, 2, "test status message")


@interop
def special_status_message(host: Host) -> None:
    check_error(host, 2, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n")


@interop
def errors_of_every_code(host: Host) -> None:
    for code in range(1, 17):
        check_error(host, code, f"code {code}")


@interop
def error_with_details(host: Host) -> None:
    check_error(host, 9, "with details", bytes(range(256)))


@interop
def unimplemented_method(host: Host) -> None:
    connection = host.connect()
    for name in ["unimplemented_call", "unimplemented_service.unimplemented_call"]:
        why = refused(lambda: connection.call(Procedure(name)))
        equal((why.code, why.may_have_run, name in why.message), (12, False, True))
    connection.call(EMPTY)


@interop
def bad_arguments(host: Host) -> None:
    connection = host.connect()
    why = refused(lambda: connection.call(Procedure("unary_call")))
    equal((why.code, why.may_have_run), (3, False))
    connection.call(EMPTY)


@interop
def cancel_before_result(host: Host) -> None:
    connection = host.connect()
    call = connection.start(UNARY, [request(gated=True)])
    host.ask("hear", "gate", "unary_call")
    call.cancel()
    host.ask("hear", "cancelled", "unary_call")
    equal(refused(call.result).code, 1)
    connection.call(EMPTY)


@interop
def cancel_after_begin(host: Host) -> None:
    connection = host.connect()
    call = connection.start(FULL_DUPLEX, [request()])
    call.result()
    call.cancel()
    host.ask("hear", "broken")
    connection.call(EMPTY)


@interop
def cancel_after_first_response(host: Host) -> None:
    connection = host.connect()
    call = connection.start(FULL_DUPLEX, [request()])
    call.send(request(27_182, 31_415))
    equal(sizes([next(iter(call))]), [31_415])
    call.cancel()
    host.ask("hear", "broken")
    equal(refused(lambda: call.send(request())).code, 1)
    connection.call(EMPTY)


def check_late(call: Call, run: Callable[[], Any]) -> None:
    begun = time.monotonic()
    why = refused(run)
    equal((why.code, time.monotonic() - begun < 5), (4, True))
    call.connection.call(EMPTY)


@interop
def timeout_unary(host: Host) -> None:
    call = host.connect().start(UNARY, [request(gated=True)], deadline=0.1)
    check_late(call, call.result)
    host.ask("hear", "cancelled", "unary_call")


@interop
def timeout_client_stream(host: Host) -> None:
    call = host.connect().start(INPUT, deadline=0.1)

    def send_and_wait() -> None:
        # On a busy machine the time may be over before there is credit for the item.
        call.send(request(gated=True))
        call.result()

    check_late(call, send_and_wait)


@interop
def timeout_server_stream(host: Host) -> None:
    call = host.connect().start(OUTPUT, [request(0, 5, gated=True)], deadline=0.1)
    check_late(call, lambda: list(call))


@interop
def timeout_bidi_stream_full_duplex(host: Host) -> None:
    call = host.connect().start(FULL_DUPLEX, [request()], deadline=0.1)
    check_late(call, lambda: list(call))


@interop
def deadline_told_by_the_server(host: Host) -> None:
    """A client whose own clock is slow hears it from the server."""
    call = host.connect().start(UNARY, [request(gated=True)], deadline=0.05)
    call.until = None
    why = refused(call.result)
    equal((why.code, why.may_have_run), (4, True))


@interop
def propagation_unary_success(host: Host) -> None:
    connection = host.connect()
    response = connection.call(UNARY, [request(telling=True)], deadline=30.0)
    left = response["surroundings"]["remaining"]
    equal(20 < left["secs"] + left["nanos"] / 1e9 <= 30, True)
    response = connection.call(UNARY, [request(telling=True)], deadline=None)
    equal(response["surroundings"]["remaining"], None)


@interop
def concurrent_large_unary(host: Host) -> None:
    connection = host.connect()
    calls = [connection.start(UNARY, [request(*host.large)]) for _ in range(host.often)]
    for call in reversed(calls):
        equal(len(bytes(call.result()["payload"])), host.large[1])


@interop
def max_streams(host: Host) -> None:
    """The server of this case runs four calls: the fifth waits for a place."""
    connection = host.connect()
    connection.ping(1)
    equal(connection.theirs.calls, 4)
    calls = [connection.start(UNARY, [request(gated=True)]) for _ in range(4)]
    why = refused(lambda: connection.start(EMPTY, deadline=0.1))
    equal((why.code, why.may_have_run), (4, False))
    host.ask("open", 4)
    connection.call(EMPTY)
    equal([call.result()["payload"] for call in calls], [calls[0].result()["payload"]] * 4)


@interop
def flow_control_pushback(host: Host) -> None:
    call = host.connect().start(INPUT)
    call.send(request(gated=True))
    host.ask("hear", "gate", "streaming_input_call")
    for _ in range(call.credit):
        call.send(request(1024))
    equal(call.credit, 0)
    call.until = time.monotonic() + 0.1
    equal(refused(lambda: call.send(request())).code, 4)


@interop
def credit_comes_as_items_are_taken(host: Host) -> None:
    call = host.connect().start(INPUT, deadline=None)
    total = send_all(call, [request(10)] * 1_000).result()
    equal((total["requests"], total["payload_size"]), (1_000, 10_000))
    credits = [1, 2, 64]
    for credit in credits:
        connection = host.connect(Preface(credit=credit))
        equal(sizes(connection.start(OUTPUT, [request(0, *[1] * 500)])), [1] * 500)


@interop
def large_items_use_more_credit(host: Host) -> None:
    large = 20_000 * host.often
    connection = host.connect(Preface(credit=4))
    equal(sizes(connection.start(OUTPUT, [request(0, *[large] * 5)])), [large] * 5)
    call = connection.start(INPUT, deadline=None)
    total = send_all(call, [request(large)] * 12).result()
    equal(total["payload_size"], 12 * large)


@interop
def stream_not_consumed_does_not_block_connection(host: Host) -> None:
    connection = host.connect()
    idle = connection.start(OUTPUT, [request(0, *[1000] * 300)])
    idle.result()
    call_large(host, connection)
    equal(len(list(idle)), 300)


@interop
def oversize_call(host: Host) -> None:
    connection = host.connect()
    connection.ping(1)
    why = refused(lambda: connection.call(UNARY, [request((8 << 20) // (1 + host.encoding))]))
    equal((why.code, why.may_have_run), (8, False))
    connection.call(EMPTY)


@interop
def oversize_reply(host: Host) -> None:
    connection = host.connect(Preface(frame=65_536))
    equal(refused(lambda: connection.call(UNARY, [request(0, 70_000)])).code, 8)
    equal(refused(lambda: list(connection.start(OUTPUT, [request(0, 70_000)]))).code, 8)
    # A zero takes two bytes in JSON.
    connection.call(UNARY, [request(0, 30_000)])


@interop
def rpc_soak(host: Host) -> None:
    connection = host.connect()
    for _ in range(host.often):
        call_large(host, connection)


@interop
def channel_soak(host: Host) -> None:
    for _ in range(50):
        connection = host.connect()
        connection.call(EMPTY)
        connection.close()


@interop
def ping(host: Host) -> None:
    connection = host.connect()
    for nonce in [0, 250, 251, 1 << 32, (1 << 64) - 1]:
        connection.ping(nonce)


@interop
def goaway(host: Host) -> None:
    """Calls that were accepted are answered behind the goodbye; a later one did not run."""
    connection = host.connect()
    call = connection.start(UNARY, [request(0, 5, gated=True)])
    host.ask("hear", "gate", "unary_call")
    host.ask("shutdown")
    connection.wait(lambda: connection.leaving is not None, time.monotonic() + 10)
    why = refused(lambda: connection.call(EMPTY))
    equal((why.code, why.may_have_run), (14, False))
    host.ask("open", 1)
    equal(sizes([call.result()]), [5])


@interop
def half_close_session_shutdown(host: Host) -> None:
    """A client that ends its sending direction still gets what it waits for, and then the end."""
    connection = host.connect()
    call = connection.start(UNARY, [request(0, 5, after=0.05)])
    if isinstance(connection.sock, ssl.SSLSocket):
        return  # Python's ssl ends both directions or none.
    connection.sock.shutdown(socket.SHUT_WR)
    equal(sizes([call.result()]), [5])
    lost: Status | None = refused(lambda: connection.wait(lambda: False, time.monotonic() + 10))
    equal(lost and lost.code, 14)


@interop
def both_encodings_on_one_connection(host: Host) -> None:
    connection = host.connect()
    calls = [connection.start(UNARY, [request(1, 7)], encoding=encoding) for encoding in (0, 1, 0, 1)]
    equal(sizes([call.result() for call in calls]), [7] * 4)
    streams = [connection.start(OUTPUT, [request(0, *[3] * 100)], encoding=encoding) for encoding in (1, 0)]
    equal([sizes(stream) for stream in streams], [[3] * 100] * 2)


@interop
def unexpected_codec(host: Host) -> None:
    connection = host.connect()
    why = refused(lambda: connection.call(EMPTY, encoding=2))
    equal((why.code, why.may_have_run), (12, False))
    connection.call(EMPTY)


@interop
def described_by_the_server(host: Host) -> None:
    """Of a procedure whose name alone is known the server tells the rest."""
    connection = host.connect()
    for known in [EMPTY, UNARY, INPUT, OUTPUT, FULL_DUPLEX, HALF_DUPLEX]:
        told = described(connection, known.name)
        arguments = None if known.arguments is EMPTY.arguments else [request(5, 7, status=status(9, "so"))]
        equal(told.arguments.encode(arguments or []), known.arguments.encode(arguments))
        equal((told.takes is None, told.gives is None), (known.takes is None, known.gives is None))
    responses = connection.start(described(connection, FULL_DUPLEX.name), [request(0, 7)])
    send_all(responses, [request(0, 8)])
    equal(sizes(responses), [7, 8])
    why = own_error(lambda: described(connection, "nothing"))
    equal(why["code"], 5)
