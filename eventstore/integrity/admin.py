"""Seals and archives in the admin: for looking, never for touching."""

from django.contrib import admin
from django.db.models import Q

from eventstore.cells import short, short_hash
from eventstore.finding import choices_filter
from eventstore.integrity.tables import EventArchive, StoredSeal
from eventstore.read_only import ReadOnlyAdmin


@admin.register(StoredSeal)
class StoredSealAdmin(ReadOnlyAdmin):
    """Seals over the log, newest first."""

    list_display = ("number", "sealed_at", "after_number", "up_to_number", "events", "hash_in_short")
    search_fields = ("number", "hash", "root")
    search_help_text = "The number of a seal, or a whole hash"
    fields = (
        "number",
        "sealed_at",
        "after_number",
        "up_to_number",
        "events",
        "root",
        "previous",
        "hash",
        "numbers_in_short",
        "marks_in_short",
    )

    @admin.display(description="hash")
    def hash_in_short(self, seal: StoredSeal) -> str:
        return short_hash(seal.hash)

    @admin.display(description="numbers")
    def numbers_in_short(self, seal: StoredSeal) -> str:
        return short(seal.numbers, 800)

    @admin.display(description="marks")
    def marks_in_short(self, seal: StoredSeal) -> str:
        return short(seal.marks, 800)


@admin.register(EventArchive)
class EventArchiveAdmin(ReadOnlyAdmin):
    """Files with sealed events, newest first; of the removed ones the table has no more than each stream's newest."""

    list_display = ("number", "file", "after_number", "up_to_number", "events", "archived_at", "removed_at")
    list_filter = (
        choices_filter("removed", {"no": Q(removed_at=None), "yes": Q(removed_at__isnull=False)}, "out of the table"),
    )
    search_fields = ("number", "file", "sha256")
    search_help_text = "The number of an archive, the name of its file, or its SHA-256"
