"""The operations on registered consumers, and on the tags of streams and consumers."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.consumers import Consumer
from localcloud.kinesis.errors import InvalidArgument
from localcloud.kinesis.paging import Page, named_stream, next_page
from localcloud.kinesis.requests import Members
from localcloud.kinesis.stream import Stream
from localcloud.kinesis.tags import Tags
from localcloud.kinesis.wire import Answer, Handler, consumer_json, stream_of, tags_json

_PAGE = 100
_TAG_PAGE = 50


def consumer_of(backend: KinesisBackend, members: Members) -> tuple[Stream, Consumer]:
    """The consumer that a request names, by its ARN or by stream and name.

    Raises InvalidArgument when it names none or two, ResourceNotFound when there is none.
    """
    arn, name = members.get("ConsumerARN"), members.get("ConsumerName")
    if arn is not None:
        stream = backend.stream(arn.partition("/consumer/")[0])
        consumer = stream.consumers.by_arn(arn)
    elif name is not None and "StreamARN" in members:
        stream = stream_of(backend, members)
        consumer = stream.consumers.named(name)
    else:
        raise InvalidArgument(
            "Name the consumer: by ConsumerARN, or by StreamARN and ConsumerName."
        )
    if name not in (None, consumer.name) or members.get("StreamARN") not in (None, stream.arn):
        raise InvalidArgument(
            f"ConsumerARN {arn} does not go with ConsumerName {name} and StreamARN "
            f"{members.get('StreamARN')}; one of them is enough."
        )
    return stream, consumer


def _register(backend: KinesisBackend, members: Members) -> Answer:
    stream = stream_of(backend, members)
    consumer = backend.register_consumer(stream.name, members["ConsumerName"], members.get("Tags"))
    return {"Consumer": consumer_json(consumer, backend.clock.now_ms())}


def _describe(backend: KinesisBackend, members: Members) -> Answer:
    stream, consumer = consumer_of(backend, members)
    described = consumer_json(consumer, backend.clock.now_ms())
    return {"ConsumerDescription": {**described, "StreamARN": stream.arn}}


def _list(backend: KinesisBackend, members: Members) -> Answer:
    # Unlike ListShards, this operation needs the stream beside the token.
    beside = {name: value for name, value in members.items() if name != "StreamARN"}
    stream = named_stream(backend, members)
    page = next_page(backend, beside) if "NextToken" in members else Page(stream)
    if page.stream is not stream:
        raise InvalidArgument(
            f"NextToken is a token of stream {page.stream.name!r} and StreamARN is {stream.arn}."
        )
    consumers = [each for each in stream.consumers.listed() if each.name > page.after]
    listed = consumers[: min(members.get("MaxResults", _PAGE), _PAGE)]
    now_ms = backend.clock.now_ms()
    answer: dict[str, object] = {"Consumers": [consumer_json(each, now_ms) for each in listed]}
    if len(listed) < len(consumers):
        answer["NextToken"] = page.token(backend, listed[-1].name)
    return answer


def _deregister(backend: KinesisBackend, members: Members) -> Answer:
    stream, consumer = consumer_of(backend, members)
    stream.deregister(consumer)
    return None


def _add_tags(backend: KinesisBackend, members: Members) -> Answer:
    stream_of(backend, members).tags.add(members["Tags"])
    return None


def _remove_tags(backend: KinesisBackend, members: Members) -> Answer:
    stream_of(backend, members).tags.remove(members["TagKeys"])
    return None


def _list_tags(backend: KinesisBackend, members: Members) -> Answer:
    after = members.get("ExclusiveStartTagKey", "")
    tags = [tag for tag in stream_of(backend, members).tags.listed() if tag[0] > after]
    page = tags[: members.get("Limit", _TAG_PAGE)]
    return {"Tags": tags_json(page), "HasMoreTags": len(page) < len(tags)}


def _tag_resource(backend: KinesisBackend, members: Members) -> Answer:
    _tags_of(backend, members).add(members["Tags"])
    return None


def _untag_resource(backend: KinesisBackend, members: Members) -> Answer:
    _tags_of(backend, members).remove(members["TagKeys"])
    return None


def _list_resource_tags(backend: KinesisBackend, members: Members) -> Answer:
    return {"Tags": tags_json(_tags_of(backend, members).listed())}


def _tags_of(backend: KinesisBackend, members: Members) -> Tags:
    arn = members["ResourceARN"]
    if "/consumer/" in arn:
        return consumer_of(backend, {"ConsumerARN": arn})[1].tags
    return backend.stream(arn).tags


OPERATIONS: Mapping[str, Handler] = {
    "RegisterStreamConsumer": _register,
    "DescribeStreamConsumer": _describe,
    "ListStreamConsumers": _list,
    "DeregisterStreamConsumer": _deregister,
    "AddTagsToStream": _add_tags,
    "RemoveTagsFromStream": _remove_tags,
    "ListTagsForStream": _list_tags,
    "TagResource": _tag_resource,
    "UntagResource": _untag_resource,
    "ListTagsForResource": _list_resource_tags,
}
