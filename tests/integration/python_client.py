"""A client of kvd that shares no code with it: grpc and protobuf for Python, and the proto files.

    python_client.py --proto DIR ENDPOINT ENDPOINT

Writes through one endpoint, reads through the other, and checks that errors carry what the proto
files promise. Ends with 0, or with a traceback.
"""

import argparse
import subprocess
import sys
import tempfile
import unittest

import grpc

SYSTEM_PROTOS = "/usr/share/grpc-proto"
OURS = ("google/rpc/status.proto", "google/rpc/error_details.proto",
        "kvd/v1/kv.proto", "kvd/v1/cluster.proto")
THEIRS = ("grpc/health/v1/health.proto", "grpc/reflection/v1alpha/reflection.proto")
LARGEST_VALUE = 1 << 20


def generate(protoc: str, proto: str, folder: str) -> None:
    """Compiles the messages and makes them importable."""
    subprocess.run([protoc, "-I", proto, f"--python_out={folder}", *OURS], check=True)
    subprocess.run([protoc, "-I", SYSTEM_PROTOS, f"--python_out={folder}", *THEIRS], check=True)
    sys.path.insert(0, folder)
    # google.rpc lives beside google.protobuf, which is installed elsewhere.
    import google
    google.__path__.append(f"{folder}/google")
    # The generated folder "grpc" would hide the library of that name.
    grpc.__path__.append(f"{folder}/grpc")


class Node:
    """One node's services, method by method."""

    def __init__(self, endpoint: str):
        from grpc.health.v1 import health_pb2
        from grpc.reflection.v1alpha import reflection_pb2
        from kvd.v1 import cluster_pb2, kv_pb2
        self.channel = grpc.insecure_channel(endpoint)
        call = self._unary
        self.get = call("/kvd.v1.KV/Get", kv_pb2.GetRequest, kv_pb2.GetResponse)
        self.put = call("/kvd.v1.KV/Put", kv_pb2.PutRequest, kv_pb2.PutResponse)
        self.delete = call("/kvd.v1.KV/Delete", kv_pb2.DeleteRequest, kv_pb2.DeleteResponse)
        self.ring = call("/kvd.v1.Cluster/GetRing", cluster_pb2.GetRingRequest,
                         cluster_pb2.GetRingResponse)
        self.health = call("/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest,
                           health_pb2.HealthCheckResponse)
        self.reflect = self.channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)

    def _unary(self, method, request, response):
        stub = self.channel.unary_unary(method, request_serializer=request.SerializeToString,
                                        response_deserializer=response.FromString)
        return lambda timeout=30, **fields: stub(request(**fields), timeout=timeout)


def error_info(error: grpc.RpcError):
    """The google.rpc.ErrorInfo of a failed call."""
    from google.rpc import error_details_pb2, status_pb2
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info
    raise AssertionError(f"no ErrorInfo in {status}")


class PythonClientTest(unittest.TestCase):
    endpoints: list[str] = []
    peer_endpoint = ""

    def setUp(self):
        self.first, self.second = map(Node, self.endpoints)

    def refused(self, call, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            call(**fields)
        return caught.exception

    def test_bytes_written_through_one_node_are_read_through_the_other(self):
        pairs = [(bytes([byte]), bytes([byte, 0, 255 - byte])) for byte in range(256)]
        pairs += [(b"\0", b""), (b"a\0b", b"\0"), (bytes(range(256)) * 16, b"x" * LARGEST_VALUE),
                  ("Grüße".encode(), b"")]
        written = dict(pairs)
        versions = {key: self.first.put(key=key, value=value).version
                    for key, value in written.items()}
        for key, value in written.items():
            answer = self.second.get(key=key)
            self.assertTrue(answer.found, key)
            self.assertEqual(answer.value, value)
            self.assertEqual(answer.version, versions[key])

    def test_an_absent_key_is_an_answer(self):
        self.assertFalse(self.first.get(key=b"absent").found)
        self.assertFalse(self.second.delete(key=b"absent").found)

    def test_a_deleted_key_is_absent_everywhere(self):
        self.first.put(key=b"gone", value=b"soon")
        self.assertTrue(self.second.delete(key=b"gone").found)
        self.assertFalse(self.first.get(key=b"gone").found)

    def test_the_value_can_be_left_out(self):
        version = self.first.put(key=b"large", value=b"x" * 1000).version
        answer = self.second.get(key=b"large", omit_value=True)
        self.assertEqual((answer.found, answer.value, answer.version), (True, b"", version))

    def test_an_empty_key_is_a_bad_request(self):
        for call in (self.first.get, self.first.put, self.first.delete):
            error = self.refused(call, key=b"")
            self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
            info = error_info(error)
            self.assertEqual((info.domain, info.reason), ("kvd", "BAD_REQUEST"))
            self.assertEqual(info.metadata["field"], "key")

    def test_a_value_that_is_too_large_names_the_limit(self):
        error = self.refused(self.second.put, key=b"k", value=b"x" * (LARGEST_VALUE + 1))
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
        info = error_info(error)
        self.assertEqual((info.domain, info.reason), ("kvd", "VALUE_TOO_LARGE"))
        self.assertEqual(info.metadata["limit"], str(LARGEST_VALUE))
        self.assertFalse(self.second.get(key=b"k").found)

    def test_a_key_that_is_too_large_names_the_limit(self):
        info = error_info(self.refused(self.first.put, key=b"k" * 4097, value=b""))
        self.assertEqual((info.reason, info.metadata["limit"]), ("KEY_TOO_LARGE", "4096"))

    def test_the_ring_has_an_owner_for_every_partition(self):
        ring = self.first.ring()
        self.assertEqual(len(ring.partitions), 256)
        self.assertEqual([node.name for node in ring.nodes], ["n1", "n2", "n3"])
        self.assertLessEqual({p.owner for p in ring.partitions}, {0, 1, 2})

    def test_health_is_known_by_service(self):
        for service in ("", "kvd.v1.KV", "kvd.v1.Cluster"):
            self.assertEqual(self.first.health(service=service).status, 1, service)  # SERVING
        error = self.refused(self.first.health, service="kvd.v1.Nothing")
        self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)

    def test_the_port_for_nodes_serves_no_client(self):
        error = self.refused(Node(self.peer_endpoint).get, key=b"k")
        self.assertEqual(error.code(), grpc.StatusCode.UNIMPLEMENTED)
        self.assertIn("clients have another", error.details())

    def test_the_port_for_clients_serves_no_node(self):
        hello = grpc.insecure_channel(self.endpoints[0]).unary_unary("/kvd.peer.v1.Peer/Hello")
        with self.assertRaises(grpc.RpcError) as caught:
            hello(b"", timeout=30)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_reflection_lists_and_describes_the_services(self):
        from grpc.reflection.v1alpha import reflection_pb2
        ask = reflection_pb2.ServerReflectionRequest
        names = ("kvd.v1.KV", "kvd.v1.Cluster", "grpc.health.v1.Health")
        requests = [ask(list_services="")] + [ask(file_containing_symbol=n) for n in names]
        answers = list(self.first.reflect(iter(requests), timeout=30))
        listed = {service.name for service in answers[0].list_services_response.service}
        self.assertLessEqual(set(names), listed)
        self.assertNotIn("kvd.peer.v1.Peer", listed)
        for name, answer in zip(names, answers[1:]):
            self.assertTrue(answer.file_descriptor_response.file_descriptor_proto, name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--protoc", default="protoc")
    parser.add_argument("--proto", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("endpoints", nargs=2)
    args = parser.parse_args()
    PythonClientTest.endpoints = args.endpoints
    PythonClientTest.peer_endpoint = args.peer
    with tempfile.TemporaryDirectory() as folder:
        generate(args.protoc, args.proto, folder)
        unittest.main(argv=[sys.argv[0]])


if __name__ == "__main__":
    main()
