"""Answers: the forms in which the log is told over HTTP, for the schema."""

from typing import Any

from rest_framework import serializers

Form = serializers.Serializer[Any]


class TypeSerializer(Form):
    """A type of aggregates."""

    type = serializers.CharField()
    has_streams = serializers.BooleanField()
    can_be_replayed = serializers.BooleanField(help_text="this program knows its events")
    streams = serializers.URLField()


class TypesSerializer(Form):
    """The types that there are."""

    types = TypeSerializer(many=True)


class StreamSerializer(Form):
    """A stream."""

    id = serializers.CharField()
    version = serializers.IntegerField(help_text="of its last event")
    events = serializers.URLField()
    state = serializers.URLField()


class StreamsSerializer(Form):
    """Streams of a type."""

    type = serializers.CharField()
    streams = StreamSerializer(many=True)
    next_after = serializers.CharField(allow_null=True, help_text="ask for what comes `after` it; null: the end")


class EventSerializer(Form):
    """An event as it is stored."""

    version = serializers.IntegerField(help_text="its place in the stream")
    number = serializers.IntegerField(help_text="its place in the log")
    type = serializers.CharField()
    schema = serializers.IntegerField()
    data = serializers.JSONField()  # type: ignore[assignment]
    metadata = serializers.JSONField()
    recorded_at = serializers.DateTimeField()
    hash = serializers.CharField(help_text="of this event and of the hash before it")


class EventsSerializer(Form):
    """Events of a stream."""

    type = serializers.CharField()
    id = serializers.CharField()
    events = EventSerializer(many=True)
    next_after = serializers.IntegerField(allow_null=True, help_text="ask for what comes `after` it; null: the end")


class StateSerializer(Form):
    """What the events add up to."""

    type = serializers.CharField()
    id = serializers.CharField()
    version = serializers.IntegerField()
    recorded_at = serializers.DateTimeField()
    state = serializers.JSONField()


class ChangeSerializer(Form):
    """A field that an event changed."""

    field = serializers.CharField(help_text="what lies deeper is named with dots")
    before = serializers.JSONField()
    after = serializers.JSONField()


class MomentSerializer(Form):
    """An event as this program reads it, and what it changed."""

    version = serializers.IntegerField()
    type = serializers.CharField()
    recorded_at = serializers.DateTimeField()
    data = serializers.JSONField()  # type: ignore[assignment]
    changed = ChangeSerializer(many=True)
    state = serializers.JSONField(help_text="after it")


class TimelineSerializer(Form):
    """How a stream came to be as it is."""

    type = serializers.CharField()
    id = serializers.CharField()
    moments = MomentSerializer(many=True)
    next_after = serializers.IntegerField(allow_null=True, help_text="ask for what comes `after` it; null: the end")
