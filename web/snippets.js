// SPDX-License-Identifier: BSD-2-Clause
//
// What to paste into each client, as `psm-token snippets` has it.

const placeholder = 'CHANNEL';

/// Those that it names: none, if it reaches every channel.
export function channelsOf(token) {
  return token.type === 'scope' ? token.channels ?? [] : token.resources.map(({ channel }) => channel);
}

/// `site`: the URL where the channels begin.
export function snippetsFor(site, token, channel = placeholder) {
  const base = site.pathname.replace(/\/+$/, '');
  const root = `${site.protocol}//${site.host}`;
  const clean = root + base;
  const withToken = `${root}/t/${token}${base}`;
  const userinfo = `${site.protocol}//token:${token}@${site.host}${base}`;
  return [
    ['conda', `conda config --append channels ${withToken}/${channel}`],
    ['mamba', `mamba install -c ${withToken}/${channel} PACKAGE`],
    ['pixi', `pixi auth login ${site.hostname} --token ${token}\npixi workspace channel add ${clean}/${channel}`],
    ['pip', `pip install --index-url ${userinfo}/${channel}/simple/ PACKAGE`],
    ['curl', `curl -H "X-Auth: ${token}" ${clean}/${channel}/noarch/repodata.json`],
  ];
}
