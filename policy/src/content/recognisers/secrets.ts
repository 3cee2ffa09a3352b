/** What opens doors: keys and tokens by the form that their issuers give them, then by the name beside them. */

import { entropyOf } from '../checksums.js';
import type { Recogniser } from '../recogniser.js';

/** Said in examples, and by templates. */
const PLACEHOLDER =
  /example|placeholder|changeme|your[_-]?|xxxx|\*\*\*|<[^>]*>|\$\{|\{\{|dummy|redacted|sample|test[_-]?key|0{8}|1234567890|abcdef(?:gh|012)/i;

function token(pattern: RegExp, needs: readonly string[], minEntropy = 2.5): Recogniser {
  return {
    type: 'API_KEY',
    family: 'secret',
    pattern,
    score: 0.95,
    check: (found) => !PLACEHOLDER.test(found) && entropyOf(found) >= minEntropy,
    needs,
  };
}

/** Secrets. */
export const SECRET_RECOGNISERS: readonly Recogniser[] = [
  {
    type: 'PRIVATE_KEY',
    family: 'secret',
    pattern:
      /-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[^-]{0,16384}-----END (?:[A-Z]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----)?/g,
    score: 1,
    mayTouch: true,
    needs: ['-----begin'],
  },
  { ...token(/(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}/g, ['akia', 'asia', 'abia', 'acca'], 3), type: 'AWS_ACCESS_KEY' },
  token(/gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,255}/g, ['gh', 'github_pat_']),
  token(/glpat-[A-Za-z0-9_-]{20,64}|gl(?:dt|rt|ptt|soat|ft|imt|agent)-[A-Za-z0-9_-]{20,64}/g, ['gl']),
  token(/xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Z0-9]{1,32}-\d{1,20}-[a-f0-9]{16,128}/g, ['xox', 'xapp-']),
  token(/https:\/\/hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Za-z0-9/]{30,100}/g, ['hooks.slack.com']),
  token(/(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,99}|whsec_[A-Za-z0-9+/=]{20,99}/g, ['sk_', 'rk_', 'whsec_']),
  token(/sk-(?:proj|svcacct|admin|ant(?:-(?:api|admin)\d{2})?|or-v1)-[A-Za-z0-9_-]{20,200}|sk-[A-Za-z0-9]{32,64}/g, [
    'sk-',
  ]),
  token(/AIza[0-9A-Za-z_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{20,400}/g, ['aiza', 'gocspx-', 'ya29.']),
  token(/npm_[A-Za-z0-9]{36}|pypi-AgEI[A-Za-z0-9_-]{50,300}|rubygems_[a-f0-9]{48}|dckr_pat_[A-Za-z0-9_-]{27}/g, [
    'npm_',
    'pypi-',
    'rubygems_',
    'dckr_pat_',
  ]),
  token(
    /hf_[A-Za-z]{34}|r8_[A-Za-z0-9]{37}|gsk_[A-Za-z0-9]{52}|pplx-[A-Za-z0-9]{48}|ABSK[A-Za-z0-9+/]{109,269}={0,2}/g,
    ['hf_', 'r8_', 'gsk_', 'pplx-', 'absk'],
  ),
  token(/SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}|SK[0-9a-fA-F]{32}|AC[0-9a-f]{32}/g, ['sg.', 'sk', 'ac']),
  token(
    /hv[sbr]\.[A-Za-z0-9_-]{24,200}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|do[opr]_v1_[a-f0-9]{64}|dp\.(?:pt|st|ct)\.[A-Za-z0-9]{40,44}|glsa_[A-Za-z0-9_]{32,64}|lin_api_[A-Za-z0-9]{40}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|NRAK-[A-Z0-9]{27}/g,
    ['hv', 'shp', 'do', 'dp.', 'glsa_', 'lin_api_', 'pmak-', 'nrak-'],
  ),
  token(/\d{8,10}:[A-Za-z0-9_-]{35}/g, [':'], 3.5),
  {
    type: 'JWT',
    family: 'secret',
    pattern: /eyJ[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{4,4096}\.[A-Za-z0-9_-]{16,1024}/g,
    score: 0.95,
    needs: ['eyj'],
  },
  {
    type: 'AZURE_STORAGE_KEY',
    family: 'secret',
    pattern: /AccountKey=(?<value>[A-Za-z0-9+/]{86}==)|sig=(?:[A-Za-z0-9%]{40,80}%3D)/g,
    score: 0.95,
    mayTouch: true,
    needs: ['accountkey=', 'sig='],
  },
  {
    type: 'CONNECTION_STRING',
    family: 'secret',
    pattern: /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"'<>]{1,64}:(?<value>[^\s@/"'<>]{3,128})@[^\s/"'<>@]{1,253}/gi,
    score: 1,
    check: (found) => !PLACEHOLDER.test(found) && !/^(?:password|pass|pwd|secret)$/i.test(found),
    mayTouch: true,
    needs: ['://'],
  },
  {
    type: 'PASSWORD',
    family: 'secret',
    // A name that says so, an assignment, a value that is not a word.
    pattern:
      /(?:password|passwd|pwd|passphrase|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|client[_-]?secret|private[_-]?key)["']?(?: is ?:? ?| ?(?:=>|:=|[:=]) {0,3})["'`]?(?<value>[^\s"'`,;<>(){}]{6,200})/gi,
    score: 0.7,
    check: (found) => !PLACEHOLDER.test(found) && looksRandom(found),
    mayTouch: true,
    needs: ['pass', 'pwd', 'secret', 'key', 'token'],
  },
  {
    type: 'API_KEY',
    family: 'secret',
    pattern: /bearer {1,3}(?<value>[A-Za-z0-9._~+/-]{16,1024}={0,2})/gi,
    score: 0.8,
    check: (found) => !PLACEHOLDER.test(found) && looksRandom(found),
    mayTouch: true,
    needs: ['bearer'],
  },
];

/** Letters and digits mixed, or much entropy: not a word of a sentence, not a variable's name. */
function looksRandom(text: string): boolean {
  if (/^[A-Za-z]+(?:[._-][A-Za-z]+)*$/.test(text)) return text.length >= 20 && entropyOf(text) >= 4;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(text)).length;
  return kinds >= 2 && entropyOf(text) >= 2.3 && !/^[\d.:-]+$/.test(text);
}
