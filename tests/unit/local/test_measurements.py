"""A verb's block on the page of measurements."""

from local.measurements import PAGE, replaced

BLOCKS = "# Measurements\n<!-- bench: written by make bench -->\nold\n<!-- bench: end -->\n\nText.\n"


def test_a_block_is_replaced_and_the_rest_of_the_page_stays():
    assert replaced(BLOCKS, "bench", ["new", "lines"]) == BLOCKS.replace("old\n", "new\nlines\n")


def test_the_page_has_a_block_for_each_verb_that_writes_one():
    page = PAGE.read_text()
    assert all(replaced(page, verb, ["here"]).count("\nhere\n") == 1 for verb in ("bench", "peers"))
