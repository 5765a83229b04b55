"""`lotwise config`: see the dial, turn it, plan a turn; by the HTTP API.

By HTTP and not by message: the one door answers every one of these questions, reading included, and asks for nothing
but its address and a token, so that the owner needs credentials of neither broker nor database.
"""
