/**
 * The words by which texts speak to an assistant, by what they mean. A word of several meanings has several concepts. Words
 * are kept as they are compared: lower case, without diacritics. Languages beyond English hold what the rules need, no more.
 */

/** What a word can mean here; bits. */
export const CONCEPT = {
  override: 1 << 0,
  rules: 1 << 1,
  reveal: 1 << 2,
  tell: 1 << 3,
  systemWord: 1 << 4,
  promptWord: 1 << 5,
  secret: 1 << 6,
  send: 1 << 7,
  data: 1 << 8,
  call: 1 << 9,
  toolWord: 1 << 10,
  approve: 1 << 11,
  control: 1 << 12,
  admin: 1 << 13,
  remember: 1 << 14,
  always: 1 << 15,
  assistant: 1 << 16,
  you: 1 << 17,
  persona: 1 << 18,
  other: 1 << 19,
  tenant: 1 << 20,
  response: 1 << 21,
  command: 1 << 22,
  secretly: 1 << 23,
  not: 1 << 24,
  user: 1 << 25,
  everything: 1 << 26,
  discussion: 1 << 27,
  hiddenWord: 1 << 28,
  load: 1 << 29,
  must: 1 << 30,
} as const;
/** A meaning. */
export type Concept = keyof typeof CONCEPT;

const WORDS: Readonly<Record<Concept, string>> = {
  override:
    'ignore ignoring ignored disregard disregarding disregarded forget override overrides overriding overwrite bypass bypassing skip circumvent discard neglect dismiss supersede supersedes overlook evade disable deactivate suspend unlearn ' +
    'ignorez ignorer oubliez oublie oublier negligez contournez contourner desactivez ' +
    'ignora ignorar ignoren ignorad olvida olvide olvidar olviden omite omitir desestima ' +
    'ignoriere ignorieren ignoriert vergiss vergessen vergesst missachte umgehe umgehen uberschreibe ' +
    'ignorate dimentica dimenticare dimenticate trascura aggira esqueca esquecer desconsidere desconsidera ignore ' +
    'negeer negeren vergeet omzeil zignoruj zapomnij pomin yoksay unut abaikan lupakan ignorera glom ' +
    'игнорируй игнорируйте игнорировать забудь забудьте забыть обойди проигнорируй ігноруй تجاهل انس تجاهلوا अनदेखा भूल נתעלם התעלם שכח',
  rules:
    'instruction instructions prompt prompts rule rules guideline guidelines directive directives command commands policy policies guardrail guardrails restriction restrictions constraint constraints programming training safeguards orders context protocol protocols ' +
    'consigne consignes regle regles politique politiques directives invite ' +
    'instrucciones instruccion reglas regla normas directrices ordenes indicaciones ' +
    'anweisung anweisungen regeln regel vorgaben richtlinien befehle instruktionen ' +
    'istruzioni istruzione regole direttive instrucoes instrucao regras diretrizes ' +
    'instructies regels richtlijnen instrukcje instrukcji polecenia zasady talimatlari talimatlar kurallari instruksi aturan petunjuk instruktioner ' +
    'инструкции инструкций инструкцию правила правил указания команды التعليمات تعليمات الأوامر القواعد निर्देश निर्देशों ההוראות הוראות',
  reveal:
    'reveal reveals revealing leak leaking expose exposing disclose disclosing divulge dump exfiltrate extract unmask spill recite ' +
    'revelez reveler divulguez divulguer revela revelar revele divulga enthulle enthullen preisgeben offenbare rivela rivelare onthul ujawnij раскрой раскройте покажи اكشف प्रकट',
  tell:
    'show print display output repeat tell share list include append return echo copy write give provide quote state paste describe translate summarize encode ' +
    'affichez afficher affiche copiez montrez donnez repetez muestra mostrar imprime repite escribe zeige zeigen gib wiederhole mostra stampa ripeti mostre toon geef pokaz wypisz напиши выведи اعرض',
  systemWord:
    'system systeme sistema developer initial original base core internal systems системный системные النظام סיסטם',
  promptWord: 'prompt prompts invite message instructions instruction configuration preamble prompten промпт',
  secret:
    'secret secrets credential credentials password passwords passwort passcode token tokens apikey apikeys keys key privatekey canary passphrase confidential private secretkey ssn ' +
    'cle cles motdepasse secretes prive privees confidentiel contrasena contrasenas clave claves credenciales secretos zugangsdaten geheimnis geheimnisse kennwort schlussel chiave segreto segreti senha senhas wachtwoord haslo hasla пароль пароли секрет секреты كلمة',
  send:
    'send sends sending forward forwarding email mail post upload uploading transmit export exporting submit deliver publish exfiltrate leak transfer wire dispatch ' +
    'envoyez envoyer envoie transmettez transferez envia enviar envie enviad reenvia sende senden schicke schicken ubermittle weiterleiten invia inviare spedisci inoltra envie mande stuur verzend wyslij gonder kirim skicka ' +
    'отправь отправьте отправить перешли أرسل भेजें שלח',
  data:
    'data database databases record records emails email contacts customer customers conversation history chat file files document documents content contents information details inbox messages invoice invoices balance environment variables variable env payload transactions results ' +
    'donnees fichiers courriels factures datos archivos correos facturas daten dateien rechnungen dati dados gegevens dane данные файлы بيانات डेटा valeur valeurs',
  call:
    'call calls invoke invoking execute executing run running use using trigger launch activate ' +
    'utilisez utiliser appelez executez lancez usa utiliza ejecuta llama rufe verwende benutze fuhre usa esegui chiama utilize gebruik uzyj вызови используй запусти',
  toolWord:
    'tool tools function functions plugin plugins api action actions endpoint outil outils herramienta herramientas werkzeug werkzeuge strumento ferramenta gereedschap инструмент',
  approve:
    'approve approves authorize authorise allow grant accept permit confirm enable approuvez autorisez acceptez aprueba autoriza genehmige erlaube approva autorizza aprove одобри разреши',
  control:
    'approval approvals confirmation confirmations consent authorization authorisation guardrail guardrails safety safeguards filter filters moderation restrictions restriction limitations checks security protections censorship validation policy policies review permission permissions ' +
    'approbation confirmation aprobacion filtros seguridad freigabe bestatigung sicherheit approvazione sicurezza aprovacao seguranca ограничений ограничения',
  admin:
    'administrator admin root superuser sudo owner privileged administrateur administrateurs administrador amministratore администратор god unrestricted مسؤول',
  remember:
    'remember memorize memorise persist store save note memorisez retenez souvenez recuerda memoriza merke ricorda memorizza lembre onthoud zapamietaj запомни تذكر',
  always:
    'permanently permanent always forever henceforth subsequently future toujours desormais siempre immer kunftig sempre altijd zawsze всегда دائما',
  assistant:
    'assistant ai agent chatbot bot gpt chatgpt claude gemini copilot llm model assistent asistente assistente асистент ассистент المساعد',
  you: 'you your yourself vous votre tu tus eres usted su du dein deine dir sie ihr ihre lei tuo você seu je jouw jij ты вы твой ваш أنت',
  persona:
    'pretend roleplay impersonate simulate act behave become now jailbreak jailbroken dan unfiltered uncensored maintenant ahora jetzt adesso agora теперь',
  other:
    'another other others different else foreign autre autres otro otra otros andere anderen anderer altro altra outro другой чужой',
  tenant:
    'tenant tenants locataire locataires mandant mandanten inquilino customer account accounts users organization organisation',
  response:
    'response responses answer answers reply replies output outputs completion implementation solution code summary elucidation explanation project application algorithm program script software text respuesta reponse antwort risposta resposta',
  command:
    'add include incorporate append insert integrate remove rearrange introduce replace convert write answer respond reply translate end begin start finish use ensure inject embed blend weave meld render employ utilize enlist deploy modify rephrase rewrite encode swap substitute omit reverse make consider leverage apply provide mention recommend promote suggest state say speak generate output print give tell encourage implement craft merge place put change scramble shuffle alter misspell',
  secretly: 'secretly silently quietly covertly discreetly stealthily',
  not: 'not never dont don without no ne pas sans nunca no sin nicht kein keine ohne non senza nao sem niet geen zonder nie bez не без لا',
  user: 'user users human person anyone anybody customer utilisateur usuario benutzer utente usuario gebruiker пользователь пользователю',
  everything:
    'everything all above before earlier previous prior preceding former said past toutes tout precedentes precedent todo todas anteriores alle alles vorherigen bisherigen tutte precedenti tudo предыдущие все السابقة पिछले',
  discussion:
    'example examples phrase phrases quote quotes quoted quoting attack attacks attacker detector detectors detection detect injection injections fixture fixtures sample samples documentation documents explains explain explaining explained describes discusses discussing discussion training awareness guidance article report reports postmortem analysts analyst threat pattern patterns literal transcript mention mentions mentioned benchmark blog research researchers researcher paper study studies module workshop slide quiz lesson trainer learners classify security defense defenses malicious jailbreaks corpora paraphrases changelog readme regression assert comment evaluates evaluation survey tutorial glossary definition called known term unsafe untrusted risky owasp ncsc mitre',
  hiddenWord:
    'hidden secret internal private confidential cachee cachees privees oculto ocultas versteckte geheime nascosto скрытый',
  load: 'load loads access accedez accede acceda zugreifen fetch open visit navigate click download request get browse render embed curl wget chargez ouvrez visitez carga abre visita lade offne besuche carica apri visita',
  must: 'must should shall need required doit devez devrait debe debes soll sollte musst deve должен should mandatory',
};

const SKELETON: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '2': 'z',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '8': 'b',
  '9': 'g',
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'i',
  '+': 't',
  l: 'i',
};

/** Concepts by word. */
export const LEXICON: ReadonlyMap<string, number> = buildLexicon(folded);

/** The same with the letters that digits stand for in disguise made one: see {@link skeletonOf}. */
export const SKELETON_LEXICON: ReadonlyMap<string, number> = buildLexicon((word) => skeletonOf(folded(word)));

/** Words without a meaning here, needed to find the ends of words in a text without spaces. */
export const FILLER_WORDS: readonly string[] =
  'the and for that with this from are was were will can not any all our their them they have has had then when while into onto about after before please need help team notes meeting previous reference product demo because which who whom what where there here its his her him she did does how out off over under again each every both only own same too very just also been being would could http https com'.split(
    ' ',
  );

/** Phrases of languages that are written without spaces, or where one word is not enough, with what they mean. */
export const UNSPACED_PHRASES: readonly (readonly [string, Concept])[] = [
  ['忽略', 'override'],
  ['无视', 'override'],
  ['無視', 'override'],
  ['忘记', 'override'],
  ['忘掉', 'override'],
  ['忘れ', 'override'],
  ['무시', 'override'],
  ['잊어', 'override'],
  ['指令', 'rules'],
  ['指示', 'rules'],
  ['规则', 'rules'],
  ['規則', 'rules'],
  ['지시', 'rules'],
  ['명령', 'rules'],
  ['규칙', 'rules'],
  ['系统提示', 'promptWord'],
  ['提示词', 'promptWord'],
  ['システムプロンプト', 'promptWord'],
  ['시스템', 'systemWord'],
  ['系统', 'systemWord'],
  ['システム', 'systemWord'],
  ['프롬프트', 'promptWord'],
  ['透露', 'reveal'],
  ['泄露', 'reveal'],
  ['显示', 'reveal'],
  ['表示', 'reveal'],
  ['明かし', 'reveal'],
  ['공개', 'reveal'],
  ['密码', 'secret'],
  ['密钥', 'secret'],
  ['パスワード', 'secret'],
  ['비밀번호', 'secret'],
  ['发送', 'send'],
  ['送信', 'send'],
  ['보내', 'send'],
];

/** Lower case without diacritics: `Ígnóré` is `ignore`. */
export function folded(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').normalize('NFC').toLowerCase();
}

/** Letters that look like each other, or like digits, made one: `1` is `i` or `l`, so both become `i`. */
export function skeletonOf(text: string): string {
  return text.replaceAll(/[013457892@$!|+l]/g, (character) => SKELETON[character] ?? character);
}

function buildLexicon(form: (word: string) => string): ReadonlyMap<string, number> {
  const lexicon = new Map<string, number>();
  for (const [concept, words] of Object.entries(WORDS) as [Concept, string][]) {
    for (const word of words.split(' ')) {
      const key = form(word);
      lexicon.set(key, (lexicon.get(key) ?? 0) | CONCEPT[concept]);
    }
  }
  return lexicon;
}
