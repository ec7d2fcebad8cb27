// SPDX-License-Identifier: BSD-2-Clause
//
// Times are in the zone of whoever reads; UTC is a hover away.

import { end, is, like, wanted } from './lib/bridge.mjs';
import { visit } from './lib/browser.mjs';
import {
  button, field, openForm, row, said, signIn,
} from './lib/page.mjs';

const day = new Date(Date.now() + 30 * 86400000).toISOString().slice(0, 10);

function dateIn(timeZone, instant) {
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone })
    .format(new Date(instant));
}

function readIn(timeZone, clock) {
  return async ({ page }) => {
    await signIn(page, wanted.admin);
    const time = row(page, 'Release pipeline').locator('td[data-label=Created] time');
    await time.waitFor();
    const instant = await time.getAttribute('datetime');
    is(await time.textContent(), dateIn(timeZone, instant), `a date as in ${timeZone}`);
    is(await time.getAttribute('title'), instant.replace('T', ' ').replace('Z', ' UTC'), '  in UTC on hover');
    await openForm(page);
    await field(page, 'Expiration date').fill(day);
    const text = await said(field(page, 'Expiration date'));
    like(text, clock, `00:00 UTC as in ${timeZone}`);
    is(await page.locator('.field time[title]').first().getAttribute('title'), `${day} 00:00:00 UTC`,
      '  in UTC on hover');
    await button(page, 'Cancel').click();
    const dialog = page.getByRole('dialog');
    if (await dialog.count()) {
      await button(dialog, 'Leave').click();
    }
  };
}

const good = await visit(readIn('Asia/Kolkata', /05:30/), { timezoneId: 'Asia/Kolkata' })
  && await visit(readIn('America/New_York', /(19|20):00/), { timezoneId: 'America/New_York' });
if (good) {
  end();
}
process.exit(0);
