"""On which databases a test of the store runs that does not run on both."""

import pytest

ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("place", ["postgresql"], indirect=True)
"""For stories of a state that is a file, or that several machines share: the rest is true of both."""
