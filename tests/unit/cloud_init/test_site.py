"""What the templates' site says of itself."""

import pytest


@pytest.mark.parametrize(("primary", "order"), [("web-a", ("web-a", "web-b", "lb")), ("web-b", ("web-b", "web-a", "lb"))])
def test_a_release_begins_with_the_primarys_server_and_ends_with_the_balancer(site, primary, order):
    assert site(database_primary=primary).order == order
