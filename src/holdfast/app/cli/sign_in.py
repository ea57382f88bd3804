"""Signing the command line in and out."""

from typing import Annotated

import typer

from holdfast.app.cli.client import Client
from holdfast.app.cli.output import JsonOption, console, print_json, say

UrlOption = Annotated[
    str | None, typer.Option("--url", help="Which Holdfast, if not the one of this machine.")
]


def sign_in(
    demo: Annotated[bool, typer.Option("--demo", help="As a fresh demo user on a simulated market.")] = False,
    email: Annotated[str | None, typer.Option(help="Your address.")] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign in; asks for the password, which is never stored."""
    with Client(url) as client:
        if demo:
            answer = client.try_demo()
        else:
            address = email or typer.prompt("Email")
            answer = client.sign_in(address, typer.prompt("Password", hide_input=True))
        if as_json:
            print_json({"base_url": client.base_url, "user": answer.get("user")})
            return
        who = "a fresh demo user on a simulated market" if demo else (email or "yourself")
        say(f"Signed in to {client.base_url} as {who}.")


def sign_out() -> None:
    """Sign out and forget the tokens kept on this machine."""
    with Client() as client:
        client.sign_out()
    console.print("Signed out.")
