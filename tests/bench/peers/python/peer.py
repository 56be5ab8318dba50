"""Python's grpcio, as a server and as what puts load on it; the same loops as harness/src/blocking.rs has.

Payloads go as they are, without protobuf: that is generous.
"""

import argparse
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

DEADLINE = 30
PROCEDURE = "/echo.Echo/Echo"
LONGEST = [("grpc.max_receive_message_length", 16 << 20)]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("order", choices=["serve", "load"])
    parser.add_argument("--role")
    parser.add_argument("--address")
    parser.add_argument("--server", type=int)
    for name, default in [("connections", 1), ("callers", 1), ("width", 1), ("idle", 0), ("size", 64), ("procedures", 0)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--warm-up", type=float, default=0.2)
    return parser.parse_args()


def end_with_parent():
    """Nobody outlives who started it."""
    sys.stdin.read()
    os._exit(0)


def serve():
    method = grpc.unary_unary_rpc_method_handler(lambda request, context: request)
    server = grpc.server(ThreadPoolExecutor(max_workers=10), options=LONGEST)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("echo.Echo", {"Echo": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"LISTENING 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


class Load:
    def __init__(self, told):
        self.told = told
        self.payload = bytes(i % 251 for i in range(told.size))

    def connect(self):
        channel = grpc.insecure_channel(self.told.address, options=[*LONGEST, ("grpc.use_local_subchannel_pool", 1)])
        grpc.channel_ready_future(channel).result(timeout=DEADLINE)
        return channel.unary_unary(PROCEDURE)

    def calls(self, call, seconds):
        times = []
        begun = time.perf_counter()
        until = begun + seconds
        while begun < until:
            assert len(call(self.payload, timeout=DEADLINE)) == self.told.size
            now = time.perf_counter()
            times.append(now - begun)
            begun = now
        return times

    def run(self):
        stubs = [self.connect() for _ in range(self.told.connections)]
        callers = [stub for stub in stubs for _ in range(self.told.callers)]
        times, failures = [], []
        warm, begin = threading.Barrier(len(callers) + 1), threading.Barrier(len(callers) + 1)

        def body(call):
            try:
                self.calls(call, self.told.warm_up)
                warm.wait()
                begin.wait()
                times.extend(self.calls(call, self.told.seconds))
            except Exception as failure:
                failures.append(failure)
                warm.abort()

        threads = [threading.Thread(target=body, args=[call]) for call in callers]
        for thread in threads:
            thread.start()
        warm.wait()
        mine, theirs, begun = time.process_time(), cpu(self.told.server), time.perf_counter()
        begin.wait()
        for thread in threads:
            thread.join()
        if failures:
            sys.exit(str(failures[0]))
        seconds = time.perf_counter() - begun
        return self.sample(times, seconds, time.process_time() - mine, cpu(self.told.server) - theirs)

    def sample(self, times, seconds, mine, theirs):
        times.sort()
        at = lambda share: times[round((len(times) - 1) * share)] * 1e6
        return {
            "rate": len(times) / seconds,
            "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1),
            "tail": at(0.99) / at(0.5),
            "cpu": (mine + theirs) / len(times) * 1e5,
            "server_cpu": theirs / len(times) * 1e5,
        }


def cpu(process):
    """Processor time of a process so far, by the clock that the kernel keeps for it."""
    return time.clock_gettime((~process << 3) | 2)


def main():
    told = arguments()
    threading.Thread(target=end_with_parent, daemon=True).start()
    if told.order == "serve":
        serve()
    else:
        print(json.dumps(Load(told).run()), flush=True)
        os._exit(0)


main()
