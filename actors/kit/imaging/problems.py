"""What can be wrong with a picture or an operator; each a Problem that reaches the asker as itself."""

from runtime.errors import Problem


class UnsupportedPicture(Problem):
    """Not one of the formats taken."""

    code = "unsupported_picture"
    status = 415


class DamagedPicture(Problem):
    """The format is known, the contents are cut short or broken."""

    code = "damaged_picture"
    status = 415


class PictureTooLarge(Problem):
    """More bytes or pixels than are taken; found out before anything is decoded."""

    code = "picture_too_large"
    status = 413


class UnknownOperator(Problem):
    """No operator of that name."""

    code = "unknown_operator"
    status = 422


class BadParameter(Problem):
    """A parameter the operator does not have, or a value it does not take."""

    code = "bad_parameter"
    status = 422


class OperatorMismatch(Problem):
    """The operator does not take pictures of this kind."""

    code = "operator_mismatch"
    status = 422
