"""Guards taken away on purpose: a torture that does not notice proves nothing."""

from holdfast.torture.mutations import books, orders, ownership, restraints
from holdfast.torture.mutations.registry import MUTATIONS, Mutation

__all__ = ["MUTATIONS", "Mutation", "books", "orders", "ownership", "restraints"]
