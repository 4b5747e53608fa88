"""Pages of the board: all that an operator looks at first, on one page that keeps itself up to date."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.desk.access import desk_page


@desk_page("trading.view_tradeaccumulator")
def board(request: HttpRequest) -> HttpResponse:
    """Show the board."""
    return render(request, "desk/board.html", {})
