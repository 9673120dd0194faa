"""Programs made of the READMEs' first examples: they read two tokens, and print the two access tokens they get."""

import re
from dataclasses import dataclass

from built import ROOT


@dataclass(frozen=True)
class Program:
    """A file beside inside.py, and how it is run there."""

    name: str
    file: str
    text: str
    command: list


def examples(binding, language):
    """The blocks of code of a binding's README."""
    readme = (ROOT / "bindings" / binding / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)


def programs():
    """One of each language: the library's own upstream first, then the example with the language's own HTTP client."""
    python, php, ruby, node = (
        examples(binding, language)
        for binding, language in (("python", "python"), ("php", "php"), ("ruby", "ruby"), ("node", "js"))
    )
    return [
        Program("Python", "example.py", f"""\
import json, sys
token, other_token = json.load(sys.stdin)
{python[0]}
first = result
token = other_token
{next(block for block in python if "import httpx" in block)}
print(json.dumps([first.access_token, result.access_token]))
""", ["/opt/test/python/bin/python", "/opt/test/example.py"]),
        Program("PHP", "example.php", f"""\
<?php
require '/usr/share/php/refreshclient/autoload.php';
[$token, $otherToken] = json_decode(stream_get_contents(STDIN));
{php[0]}
{php[1]}
echo json_encode([$session['access'], $switched->accessToken]);
""", ["php", "/opt/test/example.php"]),
        Program("Ruby", "example.rb", f"""\
require "json"
token, other_token = JSON.parse($stdin.read)
{ruby[0]}
{ruby[1]}
puts JSON.generate([session[:access], switched.access_token])
""", ["ruby", "/opt/test/example.rb"]),
        Program("Node", "example.mjs", f"""\
import fs from 'node:fs';
const tokens = JSON.parse(fs.readFileSync(0, 'utf8'));
let session = {{ refreshToken: tokens[0] }};
{node[0]}
session = {{ refreshToken: tokens[1] }};
{node[1]}
console.log(JSON.stringify([accessToken, result.accessToken]));
""", ["node", "/opt/test/example.mjs"]),
    ]
