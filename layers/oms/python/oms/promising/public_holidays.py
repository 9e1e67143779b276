"""Public holidays by country and subdivision, from the ``holidays`` package.

It is imported when it is first asked for: it takes half a second, and most calls need none of it.
Names come in the country's own language, whatever the machine's is.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from oms.catalog.delivery import PublicHolidays


@lru_cache(maxsize=256)
def public_holidays(where: PublicHolidays, year: int) -> Mapping[date, str]:
    """The days and their names. A country that is not known has none; of a subdivision that is
    not known the country's own count."""
    from holidays import country_holidays

    try:
        known = country_holidays(where.country)
    except NotImplementedError:  # how the package says that it does not know a country
        return {}
    subdivision = where.subdivision
    named = {*known.subdivisions, *known.subdivisions_aliases}
    customary = {"optional", "bank"} if where.customary else set()
    categories = ("public", *sorted(customary & set(known.supported_categories)))
    return dict(
        country_holidays(
            where.country,
            subdiv=subdivision if subdivision in named else None,
            years=year,
            categories=categories,
            language=known.default_language,
        )
    )


def is_known(where: PublicHolidays) -> bool:
    """Whether both the country and the subdivision are known."""
    from holidays import country_holidays

    try:
        country_holidays(where.country, subdiv=where.subdivision or None)
    except NotImplementedError:
        return False
    return True
