"""The page's address as clients of all kinds meet it, whichever page was built in. `python3 tests/e2e/page_test.py build-test/paceline`"""

import base64
import gzip
import hashlib
import re

import serving

HTML = {'Accept': 'text/html,application/xhtml+xml', 'Accept-Encoding': 'gzip, deflate'}


class PageTest(serving.Case):
    FLAGS = ('--api-key', 'a-key')  # the page itself needs none: it asks for it

    def get(self, headers, method='GET'):
        return self.server.raw(method, '/', headers=headers)

    def test_browsers_get_the_page_under_a_policy_that_names_all_it_holds(self):
        status, headers, body = self.get(HTML)
        self.assertEqual(200, status)
        self.assertEqual('text/html; charset=utf-8', headers['Content-Type'])
        text = (gzip.decompress(body) if headers.get('Content-Encoding') == 'gzip' else body).decode()
        policy = headers['Content-Security-Policy']
        self.assertNotIn('unsafe', policy)
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        allowed = {name: sources for name, *sources in (directive.split() for directive in policy.split(';'))}
        parts = re.findall(r'<(script|style)[^>]*>(.*?)</\1>', text, re.DOTALL)
        self.assertTrue(parts)
        for kind, content in parts:
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            self.assertIn(f"'sha256-{digest}'", allowed[f'{kind}-src'])
        self.assertNotRegex(text, r'<(script|link|img)[^>]*(src|href)="https?:')
        self.assertEqual('nosniff', headers['X-Content-Type-Options'])

    def test_others_get_what_ollamas_clients_ask_for(self):
        for headers in ({}, {'Accept': '*/*'}, {'Accept': 'application/json'}):
            self.assertEqual((200, b'Ollama is running'), self.get(headers)[::2])

    def test_a_page_that_is_the_same_is_not_sent_again(self):
        tag = self.get(HTML)[1]['ETag']
        status, headers, body = self.get({**HTML, 'If-None-Match': tag})
        self.assertEqual((304, b'', tag), (status, body, headers['ETag']))
        self.assertNotIn('Content-Length', headers)
        self.assertEqual(200, self.get({**HTML, 'If-None-Match': '"other"'})[0])

    def test_head_and_clients_without_gzip(self):
        status, headers, body = self.get(HTML, 'HEAD')
        self.assertEqual((200, b''), (status, body))
        self.assertGreater(int(headers['Content-Length']), 500)
        compressed = headers.get('Content-Encoding') == 'gzip'
        self.assertEqual(406 if compressed else 200, self.get({'Accept': 'text/html', 'Accept-Encoding': 'identity'})[0])


if __name__ == '__main__':
    serving.main()
