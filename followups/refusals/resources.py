"""
The anticipated noes about the directory of resources. Codes never change their meaning.
"""

from journal.refusals import Refusal


class ImportOvertaken(Refusal):
    """
    Another import of the same source began after this one: it goes on, this one stops.
    """

    code = "import_overtaken"
    message = "Another import of this source has begun since. This one has stopped; what it wrote is right as far as it came."


class ImportWouldEmpty(Refusal):
    """
    Most of what a source had would be retired: its file is more likely cut off than its services are gone. Facts say how
    many (``retired``) of how many (``held``).
    """

    code = "import_would_empty"
    message = "Most of what this source had is not in the file. Nothing was changed."
