"""The entries of a setup with what one lot of each loses and binds: by the published spec, or by the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from shared.schemas.reasons import Reason
from shared.schemas.sizing import SizingRequest
from shared.sizing.account import Account, Candidate, PublishedSpec
from shared.sizing.catalogue import CATALOGUE, StandardContract
from shared.sizing.conversion import read_rates
from shared.sizing.instruments import LotTerms, published_terms, stale_spec, standard_terms
from shared.sizing.prices import SizedPrices, differing_stop, off_the_grid, sized_prices
from shared.sizing.rational import exact
from shared.sizing.situation import Situation
from shared.sizing.volumes import STANDARD_BOUNDS, VolumeBounds, published_bounds


@dataclass(frozen=True, slots=True)
class Quote:
    """Each entry's prices and terms, in the order of the request, and the volumes that the broker takes."""

    entries: tuple[tuple[SizedPrices, LotTerms], ...]
    bounds: VolumeBounds


def quote(request: SizingRequest, situation: Situation, candidate: Candidate) -> Quote | tuple[Reason, ...]:
    """What the instrument costs on the account, or why that cannot be told."""
    if candidate.spec is not None:
        return _published_quote(request, situation, candidate.account, candidate.spec)
    if candidate.has_specs:
        message = f"The account's broker has published no {request.instrument}."
        return (Reason(code="unknown_instrument", message=message, field="instrument"),)
    contract = CATALOGUE.get(request.instrument)
    if contract is None:
        message = f"The account has published no instruments, and {request.instrument} has no standard contract."
        return (Reason(code="unknown_instrument", message=message, field="instrument"),)
    return _standard_quote(request, candidate.account, contract)


def _published_quote(
    request: SizingRequest, situation: Situation, account: Account, published: PublishedSpec
) -> Quote | tuple[Reason, ...]:
    freshness_s = situation.rules.instrument_freshness_s
    stale = stale_spec(published, account, now=situation.decided_at, freshness_s=freshness_s)
    if stale is not None:
        return (stale,)
    spec = published.spec
    tick_size = exact(spec.tick_size)
    prices = tuple(sized_prices(entry, request.side, tick_size) for entry in request.entries)
    if vanished := off_the_grid(prices, spec.tick_size):
        return vanished
    terms = published_terms(spec, account, request.side)
    if isinstance(terms, Reason):
        return (terms,)
    differing = differing_stop(request.entries, account.margin_mode)
    if differing is not None:
        return (differing,)
    return Quote(tuple((sized, terms) for sized in prices), published_bounds(spec))


def _standard_quote(request: SizingRequest, account: Account, contract: StandardContract) -> Quote | tuple[Reason, ...]:
    differing = differing_stop(request.entries, account.margin_mode)
    if differing is not None:
        return (differing,)
    rates = read_rates(request.conversion_rates)
    entries = []
    for entry in request.entries:
        prices = sized_prices(entry, request.side, None)
        terms = standard_terms(contract, account, prices, rates)
        if isinstance(terms, Reason):
            return (terms,)
        entries.append((prices, terms))
    return Quote(tuple(entries), STANDARD_BOUNDS)
