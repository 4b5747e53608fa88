"""Health over HTTP: when each station last had its turn, and how far the chain was read."""

from datetime import datetime, timedelta
from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.hashing import moment
from eventstore.rest.views import ApiView
from trading.conductor.checkpoints import ChainCheckpoint
from trading.conductor.heartbeat import SILENT_AFTER
from trading.conductor.inbox import QueuedLog
from trading.conductor.work import StationHeartbeat


class BeatSerializer(serializers.Serializer[Any]):
    """A station of a process."""

    station = serializers.CharField()
    process = serializers.CharField()
    last_turn_at = serializers.DateTimeField()
    last_work_at = serializers.DateTimeField(allow_null=True, help_text="when it last got on")
    silent_seconds = serializers.IntegerField(help_text="since its last turn")
    is_silent = serializers.BooleanField(help_text="for longer than a minute")
    failures = serializers.IntegerField(help_text="in a row")
    last_error = serializers.CharField(allow_null=True)


class FeedSerializer(serializers.Serializer[Any]):
    """How far an order book's logs were read."""

    orderbook = serializers.CharField()
    chain_id = serializers.IntegerField()
    next_block = serializers.IntegerField()
    updated_at = serializers.DateTimeField()
    lag_seconds = serializers.IntegerField(help_text="since it last moved")


class HealthSerializer(serializers.Serializer[Any]):
    """Whether all goes on."""

    told_at = serializers.DateTimeField()
    stations = BeatSerializer(many=True)
    feeds = FeedSerializer(many=True)
    oldest_queued_at = serializers.DateTimeField(
        allow_null=True, help_text="since when the oldest log waits to be processed; null: none does"
    )


class HealthView(ApiView):
    """When each station last had its turn, how far the chain was read, and since when the oldest log waits."""

    scope, right = "health", "trading.view_stationheartbeat"
    answer = HealthSerializer
    example = {
        "told_at": "2026-03-02T14:30:05.000000Z",
        "stations": [
            {
                "station": "hedger",
                "process": "host-1:4711",
                "last_turn_at": "2026-03-02T14:30:04.000000Z",
                "last_work_at": "2026-03-02T14:30:03.000000Z",
                "silent_seconds": 1,
                "is_silent": False,
                "failures": 0,
                "last_error": None,
            }
        ],
        "feeds": [
            {
                "orderbook": "0xd2938e7c9fe3597f78832ce780feb61945c377d7",
                "chain_id": 8453,
                "next_block": 34844171,
                "updated_at": "2026-03-02T14:30:04.000000Z",
                "lag_seconds": 1,
            }
        ],
        "oldest_queued_at": None,
    }

    def get(self, request: Request) -> Response:
        now = timezone.now()
        return Response(
            {
                "told_at": moment(now),
                "stations": [_beat(row, now) for row in StationHeartbeat.objects.order_by("station", "process")],
                "feeds": [_feed(row, now) for row in ChainCheckpoint.objects.order_by("orderbook")],
                "oldest_queued_at": _oldest_queued(),
            }
        )


urlpatterns = [path("health/", HealthView.as_view(), name="health")]


def _beat(row: StationHeartbeat, now: datetime) -> dict[str, Any]:
    silent = now - row.last_turn_at
    return {
        "station": row.station,
        "process": row.process,
        "last_turn_at": moment(row.last_turn_at),
        "last_work_at": None if row.last_work_at is None else moment(row.last_work_at),
        "silent_seconds": max(silent // timedelta(seconds=1), 0),
        "is_silent": silent > SILENT_AFTER,
        "failures": row.failures,
        "last_error": row.last_error,
    }


def _feed(row: ChainCheckpoint, now: datetime) -> dict[str, Any]:
    return {
        "orderbook": row.orderbook,
        "chain_id": row.chain_id,
        "next_block": row.next_block,
        "updated_at": moment(row.updated_at),
        "lag_seconds": max((now - row.updated_at) // timedelta(seconds=1), 0),
    }


def _oldest_queued() -> str | None:
    # The oldest is the first on the chain, by the index that the processor takes them by.
    waiting = QueuedLog.objects.filter(processed=False).order_by("block_number", "log_index")
    at = waiting.values_list("created_at", flat=True).first()
    return None if at is None else moment(at)
